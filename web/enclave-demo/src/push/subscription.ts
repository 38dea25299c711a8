// The two push services for this page: the stand-in on this machine, and the browser's own.

import { base64url, unbase64url } from "../bytes.ts";
import { Receiver } from "./sealed.ts";

/** The address that a relay gets, in the format of `PushSubscription.toJSON()`. */
export interface Address {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export interface Subscription {
  readonly address: Address;
  /** The origin that a lease must name. */
  readonly audience: string;
  end(): Promise<void>;
}

export type OnMessage = (text: string) => void;

export async function postJson(url: string, body: object = {}): Promise<Record<string, unknown>> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  const answer: Record<string, unknown> = Object(await response.json());
  if (!response.ok) throw new Error(String(answer["message"] ?? response.status));
  return answer;
}

/** Subscribes at the stand-in and polls for messages. */
export async function subscribeAtStandIn(
  service: string,
  key: ArrayBuffer,
  onMessage: OnMessage,
): Promise<Subscription> {
  const receiver = await Receiver.create();
  const { endpoint } = await postJson(`${service}/subscribe`, { applicationServerKey: base64url(key) });
  const id = String(endpoint).split("/").at(-1);
  const keys = { p256dh: base64url(receiver.point), auth: base64url(receiver.auth) };
  void listen(`${service}/messages/${id}`, receiver, onMessage);
  return {
    address: { endpoint: String(endpoint), keys },
    audience: new URL(String(endpoint)).origin,
    end: async () => void (await postJson(`${service}/unsubscribe/${id}`)),
  };
}

async function listen(url: string, receiver: Receiver, onMessage: OnMessage): Promise<void> {
  for (let from = 0; ; ) {
    const response = await fetch(`${url}?${from}`).catch(() => undefined);
    if (response === undefined) return;
    const { messages = [], gone = false } = (await response.json()) as { messages?: readonly string[]; gone?: boolean };
    for (const message of messages) {
      from += 1;
      onMessage(await receiver.open(unbase64url(message)).catch(() => "(a message that could not be decrypted)"));
    }
    if (gone || !response.ok) return;
  }
}

/** Subscribes at the browser's push service, which needs the user's permission and the Internet. */
export async function subscribeInBrowser(key: ArrayBuffer, onMessage: OnMessage): Promise<Subscription> {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) throw new Error("This browser has no Web Push.");
  if ((await Notification.requestPermission()) !== "granted") {
    throw new Error("Notifications are not allowed. Allow them for this site, or use the stand-in.");
  }
  await navigator.serviceWorker.register(workerUrl("/wake.js") as string);
  const registration = await navigator.serviceWorker.ready;
  await (await registration.pushManager.getSubscription())?.unsubscribe();
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON();
  const { p256dh = "", auth = "" } = keys ?? {};
  const stop = new AbortController();
  const message = (event: MessageEvent<unknown>) => onMessage(String(event.data));
  navigator.serviceWorker.addEventListener("message", message, { signal: stop.signal });
  return {
    address: { endpoint: endpoint ?? "", keys: { p256dh, auth } },
    audience: new URL(endpoint ?? "").origin,
    end: async () => {
      stop.abort();
      await made.unsubscribe();
    },
  };
}

/** Trusted Types require a policy for a worker's address; this policy allows one address. */
function workerUrl(path: "/wake.js"): unknown {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("demo-worker", { createScriptURL: () => path });
  return policy?.createScriptURL(path) ?? path;
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (text: string) => string },
  ): {
    createScriptURL(text: string): unknown;
  };
}
