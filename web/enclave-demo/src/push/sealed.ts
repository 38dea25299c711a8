// Decrypts a Web Push message: RFC 8291 over the `aes128gcm` coding of RFC 8188. Browsers do this internally. The page
// does it for the stand-in on this machine, so that the demo runs without the Internet.

import { joined, utf8 } from "../bytes.ts";

const SALT = 16;
const HEAD = SALT + 4 + 1;

export class Receiver {
  private constructor(
    readonly pair: CryptoKeyPair,
    /** The public key, 65 bytes, and the secret that only the sender shares. */
    readonly point: Uint8Array<ArrayBuffer>,
    readonly auth: Uint8Array<ArrayBuffer>,
  ) {}

  static async create(): Promise<Receiver> {
    const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    return Receiver.of(pair, crypto.getRandomValues(new Uint8Array(16)));
  }

  static async of(pair: CryptoKeyPair, auth: Uint8Array<ArrayBuffer>): Promise<Receiver> {
    return new Receiver(pair, new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)), auth);
  }

  async open(body: Uint8Array<ArrayBuffer>): Promise<string> {
    const salt = body.slice(0, SALT);
    const length = body[HEAD - 1] ?? 0;
    const sender = body.slice(HEAD, HEAD + length);
    const sealed = body.slice(HEAD + length);
    const peer = await crypto.subtle.importKey("raw", sender, { name: "ECDH", namedCurve: "P-256" }, false, []);
    const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: peer }, this.pair.privateKey, 256);
    const info = joined(utf8("WebPush: info\0"), this.point, sender);
    const secret = await derived(shared, this.auth, info, 256);
    const key = await derived(secret, salt, utf8("Content-Encoding: aes128gcm\0"), 128);
    const iv = await derived(secret, salt, utf8("Content-Encoding: nonce\0"), 96);
    const cipher = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
    const padded = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, cipher, sealed));
    // The last record ends with 2 and then zeros.
    const end = padded.findLastIndex(byte => byte !== 0);
    if (padded[end] !== 2) throw new Error("the message has invalid padding");
    return new TextDecoder("utf-8", { fatal: true }).decode(padded.slice(0, end));
  }
}

async function derived(from: ArrayBuffer, salt: Uint8Array<ArrayBuffer>, info: Uint8Array<ArrayBuffer>, bits: number) {
  const key = await crypto.subtle.importKey("raw", from, "HKDF", false, ["deriveBits"]);
  return crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, bits);
}
