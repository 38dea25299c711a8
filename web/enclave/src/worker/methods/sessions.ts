// Sessions. Their state lives in the core's memory for the time of one operation, else sealed in the store; the new
// state is committed before anything that it released leaves the worker, and operations run one at a time.

import { CoreError, type CoreErrorCode, type LocalIdentity } from "../../../../enclave-wasm/door.ts";
import { EnclaveError, type ErrorCode, type Kid, LIMITS } from "../../../../protocol/src/index.ts";
import { type Bytes, buffer, equal, owned, random, toBase64url } from "../../bytes.ts";
import type { Handlers } from "../handler.ts";
import type { KeyRow, PrekeyRow } from "../store/rows.ts";
import type { Turn } from "../turn.ts";
import { aboutPrekeys, aboutSession } from "./sealed.ts";

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

/** What the core refuses, by the name that the caller can act on. */
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

/** An identity with its card, which is made when it is first needed. Its private keys are ready for the core. */
async function identity(turn: Turn, kid: Kid): Promise<Identity> {
  const row = await turn.live(kid, "identity");
  const { main, agreement } = row;
  if (agreement === undefined) throw new EnclaveError("key_lost", "the identity has one key only");
  const [signing, agreeing] = [`${kid} sign`, `${kid} agree`];
  turn.foreign.lend(signing, await turn.keyring.secret(main));
  turn.foreign.lend(agreeing, await turn.keyring.secret(agreement));
  const known = await turn.store.read("prekeys", kid);
  const own = { keyRef: signing, publicKey: main.publicKey };
  const made =
    known?.card ?? owned(await turn.core.identityCard(own, { keyRef: agreeing, publicKey: agreement.publicKey }));
  if (known === undefined) turn.put("prekeys", kid, { card: made });
  return { row, local: { card: made, signing, agreement: agreeing }, prekeys: known ?? { card: made } };
}

const opened = async (turn: Turn, kid: Kid, row: PrekeyRow): Promise<Bytes | undefined> =>
  row.box && turn.keyring.seal().open(row.box, aboutPrekeys(kid));

async function keepPrekeys(turn: Turn, kid: Kid, row: PrekeyRow, prekeys: Uint8Array): Promise<void> {
  turn.put("prekeys", kid, { ...row, box: await turn.keyring.seal().close(owned(prekeys), aboutPrekeys(kid)) });
}

async function keepSession(turn: Turn, id: string, created: number, session: Uint8Array): Promise<void> {
  const box = await turn.keyring.seal().close(owned(session), aboutSession(id));
  turn.put("sessions", id, { created, box });
}

async function newSession(turn: Turn, session: Uint8Array): Promise<string> {
  if ((await turn.store.count("sessions")) >= LIMITS.sessions) {
    throw new EnclaveError("session_limit", "too many sessions");
  }
  const id = toBase64url(random(16));
  await keepSession(turn, id, turn.now, session);
  return id;
}

async function session(turn: Turn, id: string): Promise<{ readonly created: number; readonly state: Bytes }> {
  const row = await turn.store.read("sessions", id);
  if (row === undefined) throw new EnclaveError("unknown_session", "there is no such session");
  return { created: row.created, state: await turn.keyring.seal().open(row.box, aboutSession(id)) };
}

export const sessions: Sessions = {
  "session.card": {
    kind: "act",
    act: async (turn, { kid }) => ({ card: buffer((await identity(turn, kid)).local.card) }),
  },

  "session.safetyNumber": {
    kind: "act",
    act: async (turn, { kid, peer }) => {
      const { local } = await identity(turn, kid);
      return { digits: await core("bad_key", turn.core.safetyNumber(local.card, owned(peer))) };
    },
  },

  "session.prekeys": {
    kind: "act",
    act: async (turn, { kid, oneTime, renew = false }) => {
      const { row, local, prekeys } = await identity(turn, kid);
      const old = await opened(turn, kid, prekeys);
      const wishes = { oneTime };
      if (old !== undefined && !renew && prekeys.lastResort !== undefined) {
        const made = await core("internal", turn.core.prekeysRefill(local, old, oneTime));
        await keepPrekeys(turn, kid, prekeys, made.prekeys);
        return { bundles: made.bundles.map(buffer), lastResort: buffer(prekeys.lastResort) };
      }
      const work =
        old === undefined ? turn.core.prekeysMake(local, wishes) : turn.core.prekeysRotate(local, old, wishes);
      const made = await core("internal", work);
      const lastResort = owned(made.lastResort);
      await keepPrekeys(turn, kid, { ...prekeys, lastResort }, made.prekeys);
      await turn.used(row);
      turn.detail = { oneTime, renew };
      return { bundles: made.bundles.map(buffer), lastResort: buffer(lastResort) };
    },
  },

  "session.initiate": {
    kind: "act",
    act: async (turn, { kid, bundle, peer, agreement = "pqxdh", hideHeaders = false }) => {
      const { row, local } = await identity(turn, kid);
      const bytes = owned(bundle);
      const { card } = await core("bundle_refused", turn.core.bundleVerify(bytes));
      if (peer !== undefined && !equal(card, owned(peer))) {
        throw new EnclaveError("bundle_refused", "the bundle is somebody else's");
      }
      const made = await core("bundle_refused", turn.core.initiate(local, bytes, { mode: agreement, hideHeaders }));
      const id = await newSession(turn, made.session);
      await turn.used(row);
      turn.detail = { session: id, agreement };
      return { session: id, peer: buffer(made.peer) };
    },
  },

  "session.accept": {
    kind: "act",
    act: async (turn, { kid, message, x3dh = false, associated }) => {
      const { row, local, prekeys } = await identity(turn, kid);
      const old = await opened(turn, kid, prekeys);
      if (old === undefined) throw new EnclaveError("session_refused", "this identity has no prekeys");
      const bound = optional(associated);
      const options = { allowX3dh: x3dh, ...(bound && { associated: bound }) };
      const made = await core("session_refused", turn.core.accept(local, old, owned(message), options));
      await keepPrekeys(turn, kid, prekeys, made.prekeys);
      const id = await newSession(turn, made.session);
      await turn.used(row);
      turn.detail = { session: id };
      return { session: id, peer: buffer(made.peer), plaintext: buffer(made.plaintext) };
    },
  },

  "session.encrypt": {
    kind: "act",
    act: async (turn, { session: id, plaintext, associated }) => {
      const { created, state } = await session(turn, id);
      const work = turn.core.encrypt(state, owned(plaintext), optional(associated));
      const made = await core("session_refused", work);
      await keepSession(turn, id, created, made.session);
      turn.detail = { session: id };
      return { message: buffer(made.message) };
    },
  },

  "session.decrypt": {
    kind: "act",
    act: async (turn, { session: id, message, associated }) => {
      const { created, state } = await session(turn, id);
      const made = await core("session_refused", turn.core.decrypt(state, owned(message), optional(associated)));
      await keepSession(turn, id, created, made.session);
      turn.detail = { session: id };
      return { plaintext: buffer(made.plaintext) };
    },
  },

  "session.list": {
    kind: "act",
    act: async turn => {
      const rows = await turn.store.all("sessions");
      const list = rows.map(async ([id, { created }]) => {
        const { state } = await session(turn, String(id));
        const { peer, mode, answered } = await core("store_corrupt", turn.core.sessionFacts(state));
        return { session: String(id), peer: buffer(peer), agreement: mode, answered, created };
      });
      return { sessions: await Promise.all(list) };
    },
  },

  "session.end": {
    kind: "act",
    act: async (turn, { session: id }) => {
      await session(turn, id);
      turn.erase("sessions", id);
      turn.detail = { session: id };
      return {};
    },
  },
};
