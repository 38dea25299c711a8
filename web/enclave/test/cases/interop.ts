// The enclave in a browser against the same protocol in Rust: sessions both ways, and audit log, approval and VAPID
// token verified by the daemon's code.

import assert from "node:assert/strict";
import { bytes, type Host, read } from "../host.ts";
import { Peer, PeerRefused } from "../peer.ts";
import { type Case, PERSON, type Stage } from "./case.ts";

const ROUNDS = 20;
const text = (from: string, round: number) => `${from} ${round} – ${"ä".repeat(round)}`;

async function withPeer(stage: Stage, run: (host: Host, peer: Peer) => Promise<void>): Promise<void> {
  const peer = Peer.start();
  try {
    await run(await stage.fresh(), peer);
  } finally {
    peer.close();
  }
}

interface Ends {
  readonly host: Host;
  readonly peer: Peer;
  readonly here: string;
  readonly there: Buffer;
}

const sent = async ({ host, here }: Ends, plaintext: string): Promise<Buffer> =>
  read(
    (await host.call("session.encrypt", { session: here, plaintext: bytes(plaintext), associated: bytes("ad") }))
      .message,
  );

/** Exchanges messages in both directions: each a ratchet step, one of each late, then one tampered and one repeated. */
async function converse(ends: Ends): Promise<void> {
  const { host, peer, here, there } = ends;
  const heard = async (message: Buffer): Promise<string> =>
    read(
      (await host.call("session.decrypt", { session: here, message: bytes(message), associated: bytes("ad") }))
        .plaintext,
    ).toString();
  for (let round = 0; round < ROUNDS; round += 1) {
    const late = await sent(ends, text("late", round));
    const soon = await sent(ends, text("browser", round));
    assert.equal((await peer.one("decrypt", there, soon, Buffer.from("ad"))).toString(), text("browser", round));
    const back = await peer.one("encrypt", there, Buffer.from(text("rust", round)), Buffer.from("ad"));
    assert.equal(await heard(back), text("rust", round));
    assert.equal((await peer.one("decrypt", there, late, Buffer.from("ad"))).toString(), text("late", round));
    await assert.rejects(peer.ask("decrypt", there, soon, Buffer.from("ad")), PeerRefused);
    await host.refused("session_refused", "session.decrypt", {
      session: here,
      message: bytes(back),
      associated: bytes("ad"),
    });
  }
  const whole = await sent(ends, "whole");
  await assert.rejects(peer.ask("decrypt", there, whole, Buffer.from("other")), PeerRefused);
  const bent = Buffer.from(whole);
  bent.writeUInt8(bent.readUInt8(bent.length - 1) ^ 1, bent.length - 1);
  await assert.rejects(peer.ask("decrypt", there, bent, Buffer.from("ad")), PeerRefused);
  assert.equal((await peer.one("decrypt", there, whole, Buffer.from("ad"))).toString(), "whole");
}

const KINDS = [
  { agreement: "pqxdh", hideHeaders: false },
  { agreement: "pqxdh", hideHeaders: true },
  { agreement: "x3dh", hideHeaders: false },
] as const;
const now = (): string => String(Date.now());
const flag = (value: boolean): string => (value ? "yes" : "no");

export const interop: readonly Case[] = [
  {
    name: "Rust initiates, the browser accepts: every kind of session, both identities, the same safety number",
    run: stage =>
      withPeer(stage, async (host, peer) => {
        const { kid } = await host.generate("Ed25519", "identity");
        const card = read((await host.call("session.card", { kid })).card);
        const theirs = await peer.one("card");
        const { bundles, lastResort } = await host.call("session.prekeys", { kid, oneTime: 2 });
        for (const [index, { agreement, hideHeaders }] of KINDS.entries()) {
          const bundle = read([...bundles, lastResort][index]);
          const [there, seen] = await peer.ask("initiate", bundle, agreement, flag(hideHeaders));
          assert.ok(there !== undefined && seen !== undefined);
          assert.deepEqual(seen, card);
          const first = await peer.one("encrypt", there, Buffer.from("hello"), Buffer.from("ad"));
          const params = { kid, message: bytes(first), x3dh: agreement === "x3dh", associated: bytes("ad") };
          const accepted = await host.call("session.accept", params);
          assert.equal(read(accepted.plaintext).toString(), "hello");
          assert.deepEqual(read(accepted.peer), theirs);
          if (bundle.length > read(lastResort).length) await host.refused("session_refused", "session.accept", params);
          await converse({ host, peer, here: accepted.session, there });
        }
        const { digits } = await host.call("session.safetyNumber", { kid, peer: bytes(theirs) });
        assert.equal((await peer.one("safety", card)).toString(), digits.replaceAll(" ", ""));
      }),
  },
  {
    name: "the browser initiates, Rust accepts: every kind of session, with a one-time prekey and with the last resort",
    run: stage =>
      withPeer(stage, async (host, peer) => {
        const { kid } = await host.generate("Ed25519", "identity");
        const theirs = await peer.one("card");
        const [lastResort, ...bundles] = await peer.ask("prekeys", "2");
        for (const [index, kind] of KINDS.entries()) {
          const bundle = [...bundles, lastResort][index];
          assert.ok(bundle !== undefined);
          const params = { kid, bundle: bytes(bundle), peer: bytes(theirs), ...kind };
          const { session } = await host.call("session.initiate", params);
          const ends = { host, peer, here: session as string, there: Buffer.alloc(0) };
          const first = await sent(ends, "hello");
          if (kind.agreement === "x3dh")
            await assert.rejects(peer.ask("accept", first, "no", Buffer.from("ad")), PeerRefused);
          const [there, plaintext] = await peer.ask(
            "accept",
            first,
            flag(kind.agreement === "x3dh"),
            Buffer.from("ad"),
          );
          assert.ok(there !== undefined);
          assert.equal(plaintext?.toString(), "hello");
          await converse({ ...ends, there });
        }
      }),
  },
  {
    name: "Rust verifies the audit log and a VAPID token, and rejects changed ones",
    run: stage =>
      withPeer(stage, async (host, peer) => {
        const { kid } = await host.generate("ES256", "vapid");
        const aud = "https://push.example";
        const { Authorization } = await host.call("vapidHeaders", { kid, aud, sub: "mailto:a@b.example" });
        const [, token = ""] = /^vapid t=([^,]+),/.exec(Authorization) ?? [];
        const point = read((await host.call("publicKey", { kid })).publicKey);
        await peer.ask("vapid", Buffer.from(token), point, Buffer.from(aud), now());
        await assert.rejects(
          peer.ask("vapid", Buffer.from(token), point, Buffer.from("https://other.example"), now()),
          PeerRefused,
        );
        await host.refused("unknown_method", "exportKey", {});
        const page = await host.call("audit");
        const { document, signature } = page.head.signed;
        const parts = [page.head.publicKey, document, signature, page.previous].map(read);
        const entries: Buffer[] = page.entries.map(read);
        assert.ok(entries.length >= 4);
        await peer.ask("audit", ...parts, ...entries);
        const [first, ...rest] = entries;
        assert.ok(first !== undefined);
        await assert.rejects(peer.ask("audit", ...parts, ...rest), PeerRefused);
        const changed = Buffer.from(first.toString().replace('"start"', '"stark"'));
        assert.notDeepEqual(changed, first);
        await assert.rejects(peer.ask("audit", ...parts, changed, ...rest), PeerRefused);
      }),
  },
  {
    name: "Rust verifies an approval by a person",
    only: PERSON,
    run: stage =>
      withPeer(stage, async (host, peer) => {
        const { kid } = await host.generate("ES256", "approval");
        const point = read((await host.call("publicKey", { kid })).publicKey);
        const asked = { approval: "apr_2", text: "Send it?", digest: Buffer.alloc(32, 9).toString("base64url") };
        const { document, signature } = await host.agreed("approve", { kid, ...asked, expires: Date.now() + 600_000 });
        await peer.ask("approval", read(document), read(signature), point, now());
        const other = Buffer.from(read(document).toString().replace("Send it?", "Send all"));
        await assert.rejects(peer.ask("approval", other, read(signature), point, now()), PeerRefused);
      }),
  },
];
