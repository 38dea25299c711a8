// Methods that return public data. They use no private key and change nothing.

import { ALGORITHMS, EnclaveError, LIMITS, SCHEMA, type Status } from "../../../../protocol/src/index.ts";
import { buffer, owned } from "../../bytes.ts";
import type { Enclave } from "../enclave.ts";
import type { Handlers } from "../handler.ts";
import { verify } from "../keys/algorithms.ts";
import { fromJwk, toJwk, toSpki } from "../keys/public.ts";
import { ONLY } from "../store/rows.ts";

type PublicMethods = Pick<Handlers, "version" | "status" | "list" | "publicKey" | "verify" | "audit">;

async function status(enclave: Enclave): Promise<Status> {
  const { context, lost } = enclave;
  const base = { storage: context.storage, store: enclave.id, host: context.host, gesture: context.gesture };
  const algorithms = [...ALGORITHMS];
  if (lost) return { ...base, lost, persisted: false, strong: "off", keys: 0, algorithms };
  const state = await enclave.current();
  const strong = state.strong === undefined ? "off" : enclave.keyring.open ? "open" : "locked";
  const keys = await enclave.store.count("keys");
  const common = { ...base, lost, strong, keys, algorithms } as const;
  if (context.storage === "memory") return { ...common, persisted: false };
  // Some engines lack these functions, above all in workers.
  const { storage } = navigator as { readonly storage?: Partial<StorageManager> };
  const { usage, quota } = (await storage?.estimate?.()) ?? {};
  const measured = { ...(usage === undefined ? {} : { usage }), ...(quota === undefined ? {} : { quota }) };
  return { ...common, persisted: (await storage?.persisted?.()) ?? false, ...measured };
}

export const publicMethods: PublicMethods = {
  version: { kind: "read", read: async enclave => ({ hash: enclave.context.hash, schema: SCHEMA }) },

  status: { kind: "read", read: status },

  list: {
    kind: "read",
    read: async enclave => {
      await enclave.current();
      const rows = await enclave.store.all("keys");
      const uses = new Map(await enclave.store.all("uses"));
      const keys = rows.map(([kid, { main, agreement: _, ...rest }]) => ({
        ...rest,
        alg: main.alg,
        ...(uses.get(kid) ?? { uses: 0 }),
      }));
      return { keys: keys.sort((one, other) => one.created - other.created) };
    },
  },

  publicKey: {
    kind: "read",
    read: async (enclave, { kid, format = "raw" }) => {
      await enclave.current();
      const row = await enclave.store.read("keys", kid);
      if (row === undefined) throw new EnclaveError("unknown_key", "unknown key");
      const { alg, publicKey } = row.main;
      if (format === "jwk") return { publicKey: toJwk(alg, publicKey) };
      return { publicKey: buffer(format === "raw" ? publicKey : toSpki(alg, publicKey)) };
    },
  },

  verify: {
    kind: "read",
    read: async (_, params) => {
      const { alg, raw } = fromJwk(params.publicKey);
      if (alg === "X25519") throw new EnclaveError("wrong_algorithm", "X25519 keys cannot sign");
      return { valid: await verify(alg, raw, owned(params.signature), owned(params.bytes)) };
    },
  },

  audit: {
    kind: "read",
    read: (enclave, params) =>
      enclave.store.exclusive(async () => {
        const { chain } = await enclave.current();
        const oldest = Math.max(chain.oldest, params.from ?? 0);
        const rows = await enclave.store.page("audit", oldest, params.count ?? LIMITS.auditPage);
        const key = await enclave.store.read("auditKey", ONLY);
        if (key === undefined) throw new EnclaveError("store_corrupt", "the audit key is missing");
        const { head } = chain;
        return {
          entries: rows.map(row => buffer(row.entry)),
          from: oldest,
          oldest: chain.oldest,
          previous: buffer(rows[0]?.previous ?? chain.link),
          head: {
            count: chain.count,
            link: buffer(chain.link),
            publicKey: buffer(key.half.publicKey),
            ...(head && { signed: { document: buffer(head.document), signature: buffer(head.signature) } }),
          },
        };
      }),
  },
};
