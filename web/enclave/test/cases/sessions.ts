// Sessions between two identities of one enclave; the test carries the messages.

import assert from "node:assert/strict";
import { bytes, type Host, type Loose, read } from "../host.ts";
import type { Case } from "./case.ts";

interface Party {
  readonly kid: string;
  readonly card: { $: string };
}

async function party(host: Host): Promise<Party> {
  const { kid } = await host.generate("Ed25519", "identity");
  return { kid, card: (await host.call("session.card", { kid })).card };
}

async function pair(host: Host, agreement?: string) {
  const [alice, bob] = [await party(host), await party(host)];
  const { bundles, lastResort } = await host.call("session.prekeys", { kid: bob.kid, oneTime: 3 });
  assert.equal(bundles.length, 3);
  const bundle = bundles[0];
  const begun = await host.call("session.initiate", {
    kid: alice.kid,
    bundle,
    peer: bob.card,
    ...(agreement === undefined ? {} : { agreement }),
  });
  assert.deepEqual(begun.peer, bob.card);
  return { alice, bob, bundles, lastResort, from: begun.session as string };
}

const say = async (host: Host, session: string, text: string) =>
  (await host.call("session.encrypt", { session, plaintext: bytes(text) })).message;
const hear = async (host: Host, session: string, message: unknown) =>
  read((await host.call("session.decrypt", { session, message })).plaintext).toString();

export const sessions: readonly Case[] = [
  ...(["pqxdh", "x3dh"] as const).map(agreement => ({
    name: `${agreement}: a session is begun, answered, goes both ways, out of order, and on after a reload`,
    run: async (stage: Parameters<Case["run"]>[0]) => {
      const host = await stage.fresh();
      const { alice, bob, from } = await pair(host, agreement);
      const first = await say(host, from, "hello");
      if (agreement === "x3dh")
        await host.refused("session_refused", "session.accept", { kid: bob.kid, message: first });
      const accepted = await host.call("session.accept", { kid: bob.kid, message: first, x3dh: agreement === "x3dh" });
      assert.equal(read(accepted.plaintext).toString(), "hello");
      assert.deepEqual(accepted.peer, alice.card);
      const to = accepted.session as string;
      assert.equal(await hear(host, from, await say(host, to, "hello back")), "hello back");
      const late = await say(host, from, "one");
      const soon = await say(host, from, "two");
      assert.equal(await hear(host, to, soon), "two");
      const { store } = await host.call("status");
      await host.load({ store });
      assert.equal(await hear(host, to, late), "one");
      await host.refused("session_refused", "session.decrypt", { session: to, message: late });
      const listed = (await host.call("session.list")).sessions;
      assert.deepEqual(
        listed.map((one: Loose) => one.agreement),
        [agreement, agreement],
      );
      await host.call("session.end", { session: from });
      await host.refused("unknown_session", "session.encrypt", { session: from, plaintext: bytes("x") });
    },
  })),
  {
    name: "forged, foreign and replayed messages are rejected without a state change",
    run: async stage => {
      const host = await stage.fresh();
      const { bob, from, bundles, alice } = await pair(host);
      const first = await say(host, from, "hello");
      const bent = bytes(Uint8Array.from(read(first), (byte, index) => (index === 60 ? byte ^ 1 : byte)));
      await host.refused("session_refused", "session.accept", { kid: bob.kid, message: bent });
      const { session: to } = await host.call("session.accept", { kid: bob.kid, message: first });
      const answer = await say(host, to, "answer");
      const forged = bytes(Uint8Array.from(read(answer), (byte, index) => (index === 40 ? byte ^ 1 : byte)));
      await host.refused("session_refused", "session.decrypt", { session: from, message: forged });
      assert.equal(await hear(host, from, answer), "answer");
      await host.refused("bundle_refused", "session.initiate", {
        kid: alice.kid,
        bundle: bundles[1],
        peer: alice.card,
      });
      const bentBundle = bytes(Uint8Array.from(read(bundles[1]), (byte, index) => (index === 50 ? byte ^ 1 : byte)));
      await host.refused("bundle_refused", "session.initiate", { kid: alice.kid, bundle: bentBundle });
      const one = (await host.call("session.safetyNumber", { kid: alice.kid, peer: bob.card })).digits;
      assert.equal(one, (await host.call("session.safetyNumber", { kid: bob.kid, peer: alice.card })).digits);
      assert.match(one.replaceAll(" ", ""), /^[0-9]{60}$/);
    },
  },
];
