// The other implementation: npm's web-push, and the two packages under it.

import { createRequire } from "node:module";

interface WebPush {
  generateVAPIDKeys(): { publicKey: string; privateKey: string };
  encrypt(p256dh: string, auth: string, content: Buffer, coding: "aes128gcm"): { cipherText: Buffer };
  getVapidHeaders(
    aud: string,
    sub: string,
    publicKey: string,
    privateKey: string,
    coding: "aes128gcm",
  ): { Authorization: string };
  generateRequestDetails(
    subscription: object,
    content: string,
    options: object,
  ): { endpoint: string; headers: Record<string, string | number>; body: Buffer };
}
interface Ece {
  decrypt(body: Buffer, keys: { version: "aes128gcm"; privateKey: object; authSecret: string }): Buffer;
}
interface Jws {
  verify(token: string, alg: "ES256", key: string): boolean;
}

const require = createRequire(import.meta.url);
const beside = createRequire(require.resolve("web-push"));
export const webPush: WebPush = require("web-push");
export const ece: Ece = beside("http_ece");
export const jws: Jws = beside("jws");
