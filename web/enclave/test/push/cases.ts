// Push from the enclave's key to the service worker: leased in the enclave, sent by the Rust sender, verified by an
// independent push service, decrypted by a real browser.

import assert from "node:assert/strict";
import { createECDH, createPublicKey } from "node:crypto";
import { arrives, pushed, subscribe } from "./page.ts";
import type { PushHost } from "./push_host.ts";
import { SUB } from "./push_host.ts";
import { HOUR, now, Outlaw, post } from "./request.ts";
import { ece, jws, webPush } from "./theirs.ts";

export interface PushCase {
  readonly name: string;
  run(pushHost: PushHost): Promise<void>;
}

/** The size limit of the content, in bytes. */
const MOST = 3993;

const bytes = (text: string): Buffer => Buffer.from(text, "base64url");
const base64url = (of: Uint8Array): string => Buffer.from(of).toString("base64url");

export const cases: readonly PushCase[] = [
  {
    name: "what is sent under a lease of the enclave arrives decrypted, of every length",
    run: async pushHost => {
      const { kid, given } = await pushHost.subscribed();
      const lease = await pushHost.lease(kid);
      const longest = "l".repeat(MOST);
      for (const text of ["a question", "", "\u{1f511} gr\u00fc\u00dfe", longest]) {
        assert.deepEqual(await pushHost.send(given, lease, { text }), { kept: 60 });
        await arrives(pushHost.host.tab, text);
      }
      assert.deepEqual(
        await pushHost.send(given, lease, { text: "padded", at_least: 512, urgency: "high", topic: "t" }),
        {
          kept: 60,
        },
      );
      await arrives(pushHost.host.tab, "padded");
      assert.equal((await pushHost.send(given, lease, { text: `${longest}l` })).error, "invalid");
    },
  },
  {
    name: "a wake-up without content wakes, and tells the push service nothing",
    run: async pushHost => {
      const { kid, given } = await pushHost.subscribed();
      assert.deepEqual(await pushHost.send(given, await pushHost.lease(kid)), { kept: 60 });
      await arrives(pushHost.host.tab, null);
    },
  },
  {
    name: "what was changed on its way reaches no page",
    run: async pushHost => {
      const { kid, key, given } = await pushHost.subscribed();
      const Authorization = await pushHost.lease(kid);
      const headers = { Authorization, TTL: 60, "Content-Encoding": "aes128gcm" };
      const { body } = await pushHost.rust.ask({ do: "seal", ...given.keys, content: base64url(Buffer.from("real")) });
      for (const at of [0, 30, 90, bytes(body).length - 1]) {
        const changed = bytes(body);
        changed[at]! ^= 1;
        assert.equal((await post(pushHost.here(given), headers, changed)).status, 201, "the service cannot see it");
      }
      const stranger = createECDH("prime256v1");
      stranger.generateKeys();
      const elsewhere = webPush.encrypt(
        base64url(stranger.getPublicKey()),
        given.keys.auth,
        Buffer.from("x"),
        "aes128gcm",
      );
      assert.equal((await post(pushHost.here(given), headers, elsewhere.cipherText)).status, 201);
      // Messages arrive in order, so the others would have arrived before the last one.
      assert.equal((await post(pushHost.here(given), headers, bytes(body))).status, 201);
      await arrives(pushHost.host.tab, "real");
      assert.deepEqual(await pushed(pushHost.host.tab), ["real"]);
      assert.equal(key.length, 65);
    },
  },
  {
    name: "a lease is for one push service and one key: others are refused by sender and service",
    run: async pushHost => {
      const first = await pushHost.subscribed();
      const other = await pushHost.host.generate("ES256", "vapid");
      for (const aud of [
        "https://fcm.googleapis.com",
        "https://localhost",
        pushHost.audience.replace("https", "http"),
      ]) {
        const lease = await pushHost.lease(first.kid, aud);
        assert.equal(
          (await pushHost.send(first.given, lease)).error,
          "invalid",
          "the sender does not show it elsewhere",
        );
        assert.equal((await post(pushHost.here(first.given), { Authorization: lease, TTL: 60 })).status, 401);
      }
      const wrong = await pushHost.send(first.given, await pushHost.lease(other.kid), { text: "no" });
      assert.deepEqual([wrong.error, /another key/.test(wrong.message)], ["unauthorized", true]);
      const swapped = (await pushHost.lease(first.kid)).replace(
        /k=.*/,
        `k=${base64url(await pushHost.key(other.kid))}`,
      );
      assert.equal((await pushHost.send(first.given, swapped)).error, "invalid");
      assert.equal((await post(pushHost.here(first.given), { Authorization: swapped, TTL: 60 })).status, 401);
      assert.deepEqual(await pushed(pushHost.host.tab), []);
    },
  },
  {
    name: "a push service refuses what no enclave signs, and what no sender of ours sends",
    run: async pushHost => {
      const outlaw = new Outlaw();
      const given = await subscribe(pushHost.host.tab, outlaw.raw.toString("base64"));
      const good = { aud: pushHost.audience, exp: now() + HOUR, sub: SUB };
      const ask = (Authorization: string | undefined, more: object = {}, body?: Buffer) =>
        post(pushHost.here(given), { Authorization, TTL: 60, ...more }, body);
      assert.equal((await ask(outlaw.token(good))).status, 201);
      await arrives(pushHost.host.tab, null);
      const tokens = {
        "no Authorization": undefined,
        "the scheme of drafts": outlaw.token(good).replace(/^vapid t=([^,]+),.*/, "WebPush $1"),
        "a bearer token": outlaw.token(good).replace(/^vapid t=([^,]+),.*/, "Bearer $1"),
        "another audience": outlaw.token({ ...good, aud: "https://fcm.googleapis.com" }),
        "an audience with a path": outlaw.token({ ...good, aud: `${pushHost.audience}/` }),
        "25 hours": outlaw.token({ ...good, exp: now() + 25 * HOUR }),
        "an hour ago": outlaw.token({ ...good, exp: now() - HOUR }),
        "no end": outlaw.token({ aud: good.aud, sub: good.sub }),
        "an end in words": outlaw.token({ ...good, exp: String(good.exp) }),
        "nobody to turn to": outlaw.token({ aud: good.aud, exp: good.exp }),
        "another algorithm": outlaw.token(good, { typ: "JWT", alg: "none" }),
        "a signature in DER": outlaw.token(good, { typ: "JWT", alg: "ES256" }, "der"),
        "another key": new Outlaw().token(good),
      };
      for (const [what, token] of Object.entries(tokens)) {
        assert.equal((await ask(token)).status, 401, what);
        if (token !== undefined && what !== "another key") {
          const read = await pushHost.rust.ask({ do: "lease", authorization: token, audience: pushHost.audience });
          assert.equal(read.error, "invalid", `${what}: the sender does not take it either`);
        }
      }
      const token = outlaw.token(good);
      assert.equal((await ask(token, { TTL: undefined })).status, 400);
      assert.equal((await ask(token, {}, Buffer.from('{"plain":"text"}'))).status, 400);
      assert.equal((await ask(token, { "Content-Encoding": "aes128gcm" }, Buffer.alloc(4097))).status, 413);
      assert.deepEqual(await pushed(pushHost.host.tab), [null]);
    },
  },
  {
    name: "a relay that misbehaves is left with what ends by itself: revoke, another key, another subscription",
    run: async pushHost => {
      const before = await pushHost.subscribed();
      const held = await pushHost.lease(before.kid);
      assert.deepEqual(await pushHost.send(before.given, held, { text: "spam" }), { kept: 60 });
      const { kid } = await pushHost.call("rotate", { kid: before.kid });
      await pushHost.host.refused("key_retired", "vapidHeaders", { kid: before.kid, aud: pushHost.audience, sub: SUB });
      const given = await subscribe(pushHost.host.tab, (await pushHost.key(kid)).toString("base64"));
      assert.notEqual(given.endpoint, before.given.endpoint);
      assert.equal((await pushHost.send(given, held, { text: "spam" })).error, "unauthorized", "the new subscription");
      pushHost.engine.service.forget(pushHost.here(before.given));
      assert.equal((await pushHost.send(before.given, held, { text: "spam" })).error, "gone", "the old one");
      assert.deepEqual(await pushHost.send(given, await pushHost.lease(kid), { text: "a new relay" }), { kept: 60 });
      await arrives(pushHost.host.tab, "a new relay");
      assert.deepEqual(await pushed(pushHost.host.tab), ["a new relay"]);
    },
  },
  {
    name: "the enclave leases no token beyond its limits, whoever asks how",
    run: async pushHost => {
      const { kid } = await pushHost.host.generate("ES256", "vapid");
      const lease = { kid, aud: pushHost.audience, sub: SUB };
      const { exp } = await pushHost.call("vapidHeaders", { ...lease, ttl: 24 * HOUR });
      assert.ok(exp - now() <= 24 * HOUR);
      await pushHost.host.refused("lease_refused", "vapidHeaders", { ...lease, ttl: 24 * HOUR + 1 });
      for (const ttl of [0, -1, 1.5, "3600", null, 2 ** 53, 1e300])
        await pushHost.host.refused(
          typeof ttl === "number" && ttl > 24 * HOUR && Number.isSafeInteger(ttl) ? "lease_refused" : "bad_params",
          "vapidHeaders",
          { ...lease, ttl },
        );
      for (const aud of [
        "*",
        "https://*",
        `${pushHost.audience}/push`,
        pushHost.audience.toUpperCase(),
        "https://",
        "null",
      ])
        await pushHost.host.refused("lease_refused", "vapidHeaders", { ...lease, aud });
      for (const extra of ["exp", "iat", "nbf", "claims", "header"])
        await pushHost.host.refused("bad_params", "vapidHeaders", { ...lease, [extra]: 1 });
    },
  },
  {
    name: "a browser takes the raw point of the enclave's key, and not its SPKI form",
    run: async pushHost => {
      const { kid } = await pushHost.host.generate("ES256", "vapid");
      const spki = (await pushHost.call("publicKey", { kid, format: "spki" })).publicKey.$;
      await assert.rejects(subscribe(pushHost.host.tab, spki), /applicationServerKey|InvalidAccess/i);
      await subscribe(pushHost.host.tab, (await pushHost.key(kid)).toString("base64"));
    },
  },
  {
    name: "npm's web-push: verifies the enclave's token, sends where ours does, and reads and writes the same messages",
    run: async pushHost => {
      const { kid, key, given } = await pushHost.subscribed();
      const lease = await pushHost.lease(kid);
      const [, token = ""] = /^vapid t=([^,]+)/.exec(lease) ?? [];
      const jwk = { kty: "EC", crv: "P-256", x: base64url(key.subarray(1, 33)), y: base64url(key.subarray(33)) };
      const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ format: "pem", type: "spki" }).toString();
      assert.equal(jws.verify(token, "ES256", pem), true);
      const bent = token.replace(/\.([^.])([^.]*)$/, (_, first, rest) => `.${first === "A" ? "B" : "A"}${rest}`);
      assert.equal(jws.verify(bent, "ES256", pem), false);

      const sealed = webPush.encrypt(given.keys.p256dh, given.keys.auth, Buffer.from("from npm"), "aes128gcm");
      const headers = { Authorization: lease, TTL: 60, "Content-Encoding": "aes128gcm" };
      assert.equal((await post(pushHost.here(given), headers, sealed.cipherText)).status, 201);
      await arrives(pushHost.host.tab, "from npm");

      const theirs = webPush.generateVAPIDKeys();
      const own = await subscribe(pushHost.host.tab, bytes(theirs.publicKey).toString("base64"));
      const vapidDetails = { subject: SUB, ...theirs };
      const made = webPush.generateRequestDetails({ ...own, endpoint: pushHost.here(own) }, "all of it", {
        vapidDetails,
      });
      assert.equal((await post(made.endpoint, made.headers, made.body)).status, 201);
      await arrives(pushHost.host.tab, "all of it");
      const authorization = webPush.getVapidHeaders(
        pushHost.audience,
        SUB,
        theirs.publicKey,
        theirs.privateKey,
        "aes128gcm",
      );
      const held = { authorization: authorization.Authorization, audience: pushHost.audience };
      assert.equal((await pushHost.rust.ask({ do: "lease", ...held })).key, theirs.publicKey);
      assert.deepEqual(await pushHost.send(own, held.authorization, { text: "ours under theirs" }), { kept: 60 });
      await arrives(pushHost.host.tab, "ours under theirs");
    },
  },
];

/** Without a browser: both implementations decrypt each other's messages of every length. */
export async function sameMessages(
  ask: (request: object) => Promise<{ body: string; content: string; error?: string }>,
): Promise<void> {
  for (const length of [0, 1, 15, 16, 17, 1000, MOST]) {
    const receiver = createECDH("prime256v1");
    receiver.generateKeys();
    const auth = base64url(Buffer.alloc(16, length & 255));
    const content = Buffer.alloc(length, 0x61);
    const ours = await ask({
      do: "seal",
      p256dh: base64url(receiver.getPublicKey()),
      auth,
      content: base64url(content),
    });
    const read = ece.decrypt(bytes(ours.body), { version: "aes128gcm", privateKey: receiver, authSecret: auth });
    assert.deepEqual(read, content);
    const theirs = webPush.encrypt(base64url(receiver.getPublicKey()), auth, content, "aes128gcm").cipherText;
    const keys = { secret: base64url(receiver.getPrivateKey()), auth };
    assert.deepEqual(bytes((await ask({ do: "open", ...keys, body: base64url(theirs) })).content), content);
    theirs[theirs.length - 1]! ^= 1;
    assert.equal((await ask({ do: "open", ...keys, body: base64url(theirs) })).error, "invalid");
  }
}
