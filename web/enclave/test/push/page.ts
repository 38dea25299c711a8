// The host page's part: a service worker that forwards its messages to the page, and a subscription.

import { appendFile, writeFile } from "node:fs/promises";
import type { Tab } from "../engines/engine.ts";
import { until } from "../engines/engine.ts";

const WORKER = `addEventListener("install", () => skipWaiting());
addEventListener("activate", event => event.waitUntil(clients.claim()));
addEventListener("push", event => {
  const text = event.data === null ? null : event.data.text();
  event.waitUntil((async () => {
    for (const page of await clients.matchAll({ includeUncontrolled: true })) page.postMessage({ pushed: text });
    await registration.showNotification("A question is waiting");
  })());
});
`;

/** Adds the service worker to the host page, with the media type of a script. */
export async function addWorker(folder: string): Promise<void> {
  await writeFile(`${folder}/push-worker.js`, WORKER);
  await appendFile(`${folder}/_headers`, "/push-worker.js\n  Content-Type: text/javascript\n");
}

export interface Given {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

/** Subscribes with this public key and replaces an existing subscription. */
export function subscribe(tab: Tab, key: string): Promise<Given> {
  return tab.run<Given>(
    `async key => {
      window.pushed = [];
      navigator.serviceWorker.onmessage = ({ data }) => { if ("pushed" in data) window.pushed.push(data.pushed); };
      await navigator.serviceWorker.register("/push-worker.js");
      const registration = await navigator.serviceWorker.ready;
      await (await registration.pushManager.getSubscription())?.unsubscribe();
      const applicationServerKey = Uint8Array.from(atob(key), letter => letter.charCodeAt(0));
      const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
      return JSON.parse(JSON.stringify(subscription));
    }`,
    key,
  );
}

/** The messages since the page subscribed. */
export const pushed = (tab: Tab): Promise<readonly (string | null)[]> => tab.run("() => window.pushed");

export async function arrives(tab: Tab, text: string | null): Promise<void> {
  await until(`${text ?? "a wake-up"} arrives`, async () => (await pushed(tab)).includes(text));
}
