// Encryption at rest with a non-extractable AES-GCM key. Each box is bound to its context: a box moved to another place
// in the store does not open.

import { EnclaveError } from "../../../../protocol/src/index.ts";
import { type Bytes, owned, random, utf8 } from "../../bytes.ts";

export interface Box {
  readonly iv: Bytes;
  readonly sealed: Bytes;
}

export class Seal {
  constructor(readonly key: CryptoKey) {}

  /**
   * Generates a seal for this device. It is stored beside the sealed data, so it does not stop an attacker with disk
   * access.
   */
  static async generate(): Promise<Seal> {
    return new Seal(await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]));
  }

  /** Derives a seal from a secret that is not stored: a PRF output or a recovery code. */
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
      throw new EnclaveError("store_corrupt", "a sealed record cannot be decrypted");
    }
  }
}
