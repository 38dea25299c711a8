// The service worker: shows a received message and forwards it to the pages. The browser has decrypted it.

interface PushEvent extends Event {
  readonly data: { text(): string } | null;
  waitUntil(done: Promise<unknown>): void;
}

interface Worker {
  readonly registration: { showNotification(title: string, options: { body: string }): Promise<void> };
  readonly clients: { matchAll(): Promise<readonly { postMessage(message: unknown): void }[]> };
  addEventListener(kind: "push", onMessage: (event: PushEvent) => void): void;
}

const worker = self as unknown as Worker;

worker.addEventListener("push", event => {
  const text = event.data?.text() ?? "wake up";
  const forwarded = worker.clients.matchAll().then(clients => {
    for (const client of clients) client.postMessage(text);
  });
  event.waitUntil(Promise.all([worker.registration.showNotification("Briefcase demo", { body: text }), forwarded]));
});
