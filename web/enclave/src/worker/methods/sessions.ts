// Sessions. Their state is in the core's memory during one operation, otherwise sealed in the store.
//
// Invariant: the new state is committed before any data it released leaves the worker. Operations run one at a time.

import { CoreError, type CoreErrorCode, type LocalIdentity } from "../../../../enclave-wasm/bindings.ts";
import { EnclaveError, type ErrorCode, type Kid, LIMITS } from "../../../../protocol/src/index.ts";
import { type Bytes, buffer, equal, owned, random, toBase64url } from "../../bytes.ts";
import type { Handlers } from "../handler.ts";
import type { KeyRow, PrekeyRow } from "../store/rows.ts";
import type { Transaction } from "../transaction.ts";
import { prekeysContext, sessionContext } from "./seal_context.ts";

type Sessions = Pick<
  Handlers,
  | "session.card"
  | "session.safetyNumber"
  | "session.prekeys"
  | "session.initiate"
  | "session.accept"
  | "session.encrypt"
  | "session.decrypt"
  | "session.list"
  | "session.end"
>;

const CODES: Readonly<Partial<Record<CoreErrorCode, ErrorCode>>> = {
  state_corrupt: "store_corrupt",
  foreign: "key_lost",
  poisoned: "internal",
};

/** Maps the core's errors to codes that the caller can act on. */
async function core<R>(otherwise: ErrorCode, work: Promise<R>): Promise<R> {
  return work.catch((thrown: unknown) => {
    if (!(thrown instanceof CoreError)) throw thrown;
    throw new EnclaveError(CODES[thrown.code] ?? otherwise, thrown.message);
  });
}

const optional = (bytes: ArrayBuffer | undefined) => (bytes === undefined ? undefined : owned(bytes));

interface Identity {
  readonly row: KeyRow;
  readonly local: LocalIdentity;
  readonly prekeys: PrekeyRow;
}

/** Returns an identity and its card, which is created on first use. Lends its private keys to the core. */
async function identity(tx: Transaction, kid: Kid): Promise<Identity> {
  const row = await tx.activeKey(kid, "identity");
  const { main, agreement } = row;
  if (agreement === undefined) throw new EnclaveError("key_lost", "the identity has only one key");
  const [signing, agreeing] = [`${kid} sign`, `${kid} agree`];
  tx.borrowedKeys.lend(signing, await tx.keyring.privateKey(main));
  tx.borrowedKeys.lend(agreeing, await tx.keyring.privateKey(agreement));
  const known = await tx.store.read("prekeys", kid);
  const own = { keyRef: signing, publicKey: main.publicKey };
  const made =
    known?.card ?? owned(await tx.core.identityCard(own, { keyRef: agreeing, publicKey: agreement.publicKey }));
  if (known === undefined) tx.put("prekeys", kid, { card: made });
  return { row, local: { card: made, signing, agreement: agreeing }, prekeys: known ?? { card: made } };
}

const opened = async (tx: Transaction, kid: Kid, row: PrekeyRow): Promise<Bytes | undefined> =>
  row.box && tx.keyring.seal().open(row.box, prekeysContext(kid));

async function keepPrekeys(tx: Transaction, kid: Kid, row: PrekeyRow, prekeys: Uint8Array): Promise<void> {
  tx.put("prekeys", kid, { ...row, box: await tx.keyring.seal().seal(owned(prekeys), prekeysContext(kid)) });
}

async function keepSession(tx: Transaction, id: string, created: number, session: Uint8Array): Promise<void> {
  const box = await tx.keyring.seal().seal(owned(session), sessionContext(id));
  tx.put("sessions", id, { created, box });
}

async function newSession(tx: Transaction, session: Uint8Array): Promise<string> {
  if ((await tx.store.count("sessions")) >= LIMITS.sessions) {
    throw new EnclaveError("session_limit", "too many sessions");
  }
  const id = toBase64url(random(16));
  await keepSession(tx, id, tx.now, session);
  return id;
}

async function session(tx: Transaction, id: string): Promise<{ readonly created: number; readonly state: Bytes }> {
  const row = await tx.store.read("sessions", id);
  if (row === undefined) throw new EnclaveError("unknown_session", "unknown session");
  return { created: row.created, state: await tx.keyring.seal().open(row.box, sessionContext(id)) };
}

export const sessions: Sessions = {
  "session.card": {
    kind: "act",
    act: async (tx, { kid }) => ({ card: buffer((await identity(tx, kid)).local.card) }),
  },

  "session.safetyNumber": {
    kind: "act",
    act: async (tx, { kid, peer }) => {
      const { local } = await identity(tx, kid);
      return { digits: await core("bad_key", tx.core.safetyNumber(local.card, owned(peer))) };
    },
  },

  "session.prekeys": {
    kind: "act",
    act: async (tx, { kid, oneTime, renew = false }) => {
      const { row, local, prekeys } = await identity(tx, kid);
      const old = await opened(tx, kid, prekeys);
      const wishes = { oneTime };
      if (old !== undefined && !renew && prekeys.lastResort !== undefined) {
        const made = await core("internal", tx.core.prekeysRefill(local, old, oneTime));
        await keepPrekeys(tx, kid, prekeys, made.prekeys);
        return { bundles: made.bundles.map(buffer), lastResort: buffer(prekeys.lastResort) };
      }
      const work = old === undefined ? tx.core.prekeysMake(local, wishes) : tx.core.prekeysRotate(local, old, wishes);
      const made = await core("internal", work);
      const lastResort = owned(made.lastResort);
      await keepPrekeys(tx, kid, { ...prekeys, lastResort }, made.prekeys);
      await tx.countUse(row);
      tx.detail = { oneTime, renew };
      return { bundles: made.bundles.map(buffer), lastResort: buffer(lastResort) };
    },
  },

  "session.initiate": {
    kind: "act",
    act: async (tx, { kid, bundle, peer, agreement = "pqxdh", hideHeaders = false }) => {
      const { row, local } = await identity(tx, kid);
      const bytes = owned(bundle);
      const { card } = await core("bundle_refused", tx.core.bundleVerify(bytes));
      if (peer !== undefined && !equal(card, owned(peer))) {
        throw new EnclaveError("bundle_refused", "the bundle belongs to another identity");
      }
      const made = await core("bundle_refused", tx.core.initiate(local, bytes, { mode: agreement, hideHeaders }));
      const id = await newSession(tx, made.session);
      await tx.countUse(row);
      tx.detail = { session: id, agreement };
      return { session: id, peer: buffer(made.peer) };
    },
  },

  "session.accept": {
    kind: "act",
    act: async (tx, { kid, message, x3dh = false, associated }) => {
      const { row, local, prekeys } = await identity(tx, kid);
      const old = await opened(tx, kid, prekeys);
      if (old === undefined) throw new EnclaveError("session_refused", "this identity has no prekeys");
      const bound = optional(associated);
      const options = { allowX3dh: x3dh, ...(bound && { associated: bound }) };
      const made = await core("session_refused", tx.core.accept(local, old, owned(message), options));
      await keepPrekeys(tx, kid, prekeys, made.prekeys);
      const id = await newSession(tx, made.session);
      await tx.countUse(row);
      tx.detail = { session: id };
      return { session: id, peer: buffer(made.peer), plaintext: buffer(made.plaintext) };
    },
  },

  "session.encrypt": {
    kind: "act",
    act: async (tx, { session: id, plaintext, associated }) => {
      const { created, state } = await session(tx, id);
      const work = tx.core.encrypt(state, owned(plaintext), optional(associated));
      const made = await core("session_refused", work);
      await keepSession(tx, id, created, made.session);
      tx.detail = { session: id };
      return { message: buffer(made.message) };
    },
  },

  "session.decrypt": {
    kind: "act",
    act: async (tx, { session: id, message, associated }) => {
      const { created, state } = await session(tx, id);
      const made = await core("session_refused", tx.core.decrypt(state, owned(message), optional(associated)));
      await keepSession(tx, id, created, made.session);
      tx.detail = { session: id };
      return { plaintext: buffer(made.plaintext) };
    },
  },

  "session.list": {
    kind: "act",
    act: async tx => {
      const rows = await tx.store.all("sessions");
      const list = rows.map(async ([id, { created }]) => {
        const { state } = await session(tx, String(id));
        const { peer, mode, answered } = await core("store_corrupt", tx.core.sessionFacts(state));
        return { session: String(id), peer: buffer(peer), agreement: mode, answered, created };
      });
      return { sessions: await Promise.all(list) };
    },
  },

  "session.end": {
    kind: "act",
    act: async (tx, { session: id }) => {
      await session(tx, id);
      tx.delete("sessions", id);
      tx.detail = { session: id };
      return {};
    },
  },
};
