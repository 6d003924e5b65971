// Shows what web push brings, and opens its page when it is pressed.
"use strict";

// A browser that shows nothing for a push loses the right to get any.
function read(data) {
  try {
    return data.json() ?? {};
  } catch {
    return {};
  }
}

self.addEventListener("push", (event) => {
  const said = read(event.data);
  event.waitUntil(
    self.registration.showNotification(said.title || "watchbill", {
      body: said.body || "",
      tag: said.tag || undefined,
      renotify: Boolean(said.tag),
      requireInteraction: said.urgency === "high",
      data: { url: said.url || "/" },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.url));
});
