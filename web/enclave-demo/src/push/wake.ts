// The service worker: shows what came, and tells the pages. The browser has opened the seal.

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
  const told = worker.clients.matchAll().then(clients => {
    for (const client of clients) client.postMessage(text);
  });
  event.waitUntil(Promise.all([worker.registration.showNotification("Briefcase demo", { body: text }), told]));
});
