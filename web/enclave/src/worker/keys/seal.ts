// Bytes at rest under an AES-GCM key that cannot be exported. What is sealed is bound to what it is for: a box that was
// moved to another place in the store does not open.

import { EnclaveError } from "../../../../protocol/src/index.ts";
import { type Bytes, owned, random, utf8 } from "../../bytes.ts";

export interface Box {
  readonly iv: Bytes;
  readonly sealed: Bytes;
}

export class Seal {
  constructor(readonly key: CryptoKey) {}

  /** A seal of this device. It lies in the store beside what it seals: it stops nobody who has the disk. */
  static async generate(): Promise<Seal> {
    return new Seal(await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]));
  }

  /** A seal from a secret that is not stored: a passkey's output or a recovery code. */
  static async derived(secret: Bytes, salt: Bytes, info: string): Promise<Seal> {
    const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
    const how = { name: "HKDF", hash: "SHA-256", salt, info: utf8(info) };
    const aes = { name: "AES-GCM", length: 256 };
    return new Seal(await crypto.subtle.deriveKey(how, base, aes, false, ["encrypt", "decrypt"]));
  }

  async seal(bytes: Bytes, about: string): Promise<Box> {
    const iv = random(12);
    const how = { name: "AES-GCM", iv, additionalData: utf8(about) };
    return { iv, sealed: owned(await crypto.subtle.encrypt(how, this.key, bytes)) };
  }

  async open(box: Box, about: string): Promise<Bytes> {
    try {
      const how = { name: "AES-GCM", iv: box.iv, additionalData: utf8(about) };
      return owned(await crypto.subtle.decrypt(how, this.key, box.sealed));
    } catch {
      throw new EnclaveError("store_corrupt", "a sealed record does not open");
    }
  }
}
