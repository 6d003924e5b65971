/* Tells the page when something changed.
 *
 * One EventSource on body[data-live-url]. A message {"topic": "incident", "id": 12}
 * becomes the DOM events live:incident and live:incident-12 on <body>; fragments listen
 * with hx-trigger. An event says only *that* something changed: the fragment asks the
 * server what it is now, so a lost or doubled event is harmless.
 *
 * A bad line is the normal case. A stream that fails three times running gives way to
 * live:poll every 15 s while it is tried again in the background; a stream that goes
 * silent is reopened; coming back to the tab or to the network asks for everything anew.
 * A hidden tab closes its stream after half a minute, because a browser allows only six
 * connections to an HTTP/1.1 server.
 */
(() => {
  const url = document.body.dataset.liveUrl;
  if (!url) return;

  const POLL_MS = 15000;
  const SILENCE_MS = 45000; // the server sends "beat" every 15 s
  const HIDDEN_MS = 30000;
  const indicator = document.getElementById("live");
  let source = null;
  let failures = 0;
  let polling = null;
  let retrying = null;
  let hiding = null;
  let beats = false;
  let heardAt = performance.now();

  function show(state) {
    document.body.classList.toggle("is-stale", state === "offline");
    if (!indicator || indicator.dataset.state === state) return;
    indicator.hidden = false;
    indicator.dataset.state = state;
    indicator.textContent = document.getElementById("words").dataset[state];
  }

  function emit(name, detail = {}) {
    document.body.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));
  }

  function poll() {
    if (!document.hidden) emit("poll");
  }

  function startPolling() {
    polling ??= setInterval(poll, POLL_MS);
  }

  function stopPolling() {
    clearInterval(polling);
    polling = null;
  }

  function receive(event) {
    heardAt = performance.now();
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return; // not ours; the next message or poll will tell
    }
    if (!message.topic) return;
    emit(message.topic, message);
    if (message.id != null) emit(`${message.topic}-${message.id}`, message);
  }

  function opened() {
    const missedSomething = failures > 0;
    failures = 0;
    heardAt = performance.now();
    stopPolling();
    show("live");
    if (missedSomething) poll();
  }

  function failed() {
    failures += 1;
    show(navigator.onLine ? "reconnecting" : "offline");
    if (failures >= 3) {
      startPolling();
      close();
      retrying = setTimeout(open, 2 * POLL_MS);
    } else if (source.readyState === EventSource.CLOSED) {
      close();
      retrying = setTimeout(open, 1000 * 2 ** failures);
    }
  }

  function open() {
    close();
    beats = false;
    heardAt = performance.now();
    source = new EventSource(url);
    source.onopen = opened;
    source.onerror = failed;
    source.onmessage = receive;
    source.addEventListener("beat", () => {
      beats = true;
      heardAt = performance.now();
    });
  }

  function close() {
    clearTimeout(retrying);
    source?.close();
    source = null;
  }

  function wake() {
    clearTimeout(hiding);
    poll();
    if (!source) open();
  }

  setInterval(() => {
    if (source && beats && performance.now() - heardAt > SILENCE_MS) {
      show("reconnecting");
      failures = Math.max(failures, 1);
      open();
    }
  }, 5000);

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiding = setTimeout(close, HIDDEN_MS);
    else wake();
  });
  window.addEventListener("online", wake);
  window.addEventListener("offline", () => show("offline"));
  // A page kept in the back/forward cache must not hold the stream.
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && wake());

  // What the fragments report is fresher knowledge of the line than the stream's own.
  document.addEventListener("htmx:error", () => show(navigator.onLine ? "reconnecting" : "offline"));
  document.addEventListener("htmx:after:request", () => {
    if (source?.readyState === EventSource.OPEN) show("live");
    else if (polling) show("polling");
  });

  show("reconnecting");
  open();
})();
