// Subscribes this browser to web push. Without a service worker, permission or a key
// the button stays hidden or says why; the page works without it.
(() => {
  "use strict";
  const form = document.querySelector("[data-push-form]");
  if (!form || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  const state = form.querySelector("[data-push-state]");
  const key = Uint8Array.from(
    atob(form.dataset.vapidKey.replaceAll("-", "+").replaceAll("_", "/")),
    (char) => char.charCodeAt(0),
  );
  async function subscribe(manager) {
    const options = { userVisibleOnly: true, applicationServerKey: key };
    try {
      return await manager.subscribe(options);
    } catch (error) {
      // The operator has a new key: what was subscribed with the old one is of no use.
      const old = error.name === "InvalidStateError" && (await manager.getSubscription());
      if (!old) throw error;
      await old.unsubscribe();
      return manager.subscribe(options);
    }
  }
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.address.value) return;
    event.preventDefault();
    try {
      if ((await Notification.requestPermission()) !== "granted") {
        state.textContent = "The browser does not allow notifications from this page.";
        return;
      }
      const worker = await navigator.serviceWorker.register(form.dataset.worker, { scope: "/" });
      await navigator.serviceWorker.ready;
      const subscription = await subscribe(worker.pushManager);
      const { endpoint, keys } = subscription.toJSON();
      form.elements.address.value = JSON.stringify({ endpoint, keys });
      form.requestSubmit();
    } catch (error) {
      state.textContent = `The browser refused: ${error.message}`;
    }
  });
})();
