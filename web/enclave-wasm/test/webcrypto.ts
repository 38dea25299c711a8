// Keys in WebCrypto, as the worker holds them: non-extractable where that matters, found by name.
import { readFile } from "node:fs/promises";
import { Core, type KeyOperations, type LocalIdentity, type NamedKey } from "../bindings.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Copies bytes into their own buffer, as WebCrypto's types require. */
export const owned = (bytes: Uint8Array): Bytes => new Uint8Array(bytes);
export const unbase64 = (text: string): Bytes => new Uint8Array(Buffer.from(text, "base64url"));
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
export const utf8 = (text: string): Bytes => owned(new TextEncoder().encode(text));
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export class Holder implements KeyOperations {
  readonly #keys = new Map<string, CryptoKey>();
  asked = 0;

  async make(algorithm: "Ed25519" | "X25519", keyRef: string): Promise<NamedKey> {
    const usages: KeyUsage[] = algorithm === "Ed25519" ? ["sign", "verify"] : ["deriveBits"];
    const pair = (await crypto.subtle.generateKey({ name: algorithm }, false, usages)) as CryptoKeyPair;
    this.#keys.set(keyRef, pair.privateKey);
    return { keyRef, publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
  }

  /** Imports a key of the vectors from its 32 bytes. */
  async take(algorithm: "Ed25519" | "X25519", keyRef: string, secret: Uint8Array): Promise<void> {
    const head = { Ed25519: "302e020100300506032b657004220420", X25519: "302e020100300506032b656e04220420" };
    const pkcs8 = owned(Buffer.concat([Buffer.from(head[algorithm], "hex"), secret]));
    const usages: KeyUsage[] = algorithm === "Ed25519" ? ["sign"] : ["deriveBits"];
    this.#keys.set(keyRef, await crypto.subtle.importKey("pkcs8", pkcs8, { name: algorithm }, false, usages));
  }

  async dh(keyRef: string, peer: Uint8Array): Promise<Uint8Array> {
    const { subtle } = crypto;
    const key = await subtle.importKey("raw", owned(peer), { name: "X25519" }, true, []);
    const bits = await subtle.deriveBits({ name: "X25519", public: key }, this.#key(keyRef), 256);
    return new Uint8Array(bits);
  }

  async sign(keyRef: string, bytes: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign("Ed25519", this.#key(keyRef), owned(bytes)));
  }

  async decapsulate(): Promise<Uint8Array> {
    throw new Error("this engine lacks ML-KEM");
  }

  #key(keyRef: string): CryptoKey {
    this.asked += 1;
    const key = this.#keys.get(keyRef);
    if (key === undefined) throw new Error("unknown key");
    return key;
  }
}

export const wasm = owned(await readFile(CORE_FILE));
export const load = (foreign: KeyOperations): Promise<Core> => Core.load(wasm, foreign);

/** Creates an identity with new keys in WebCrypto. */
export async function person(core: Core, holder: Holder, name: string): Promise<LocalIdentity> {
  const signing = await holder.make("Ed25519", `${name}-signing`);
  const agreement = await holder.make("X25519", `${name}-agreement`);
  const card = await core.identityCard(signing, agreement);
  return { card, signing: signing.keyRef, agreement: agreement.keyRef };
}
