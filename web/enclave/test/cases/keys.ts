// Keys: their operations, their persistence, and that no method exports them.

import assert from "node:assert/strict";
import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, sign } from "node:crypto";
import { bytes, type Loose, read } from "../host.ts";
import { derived, thumbprint, valid } from "../verify.ts";
import { type Case, databaseOf } from "./case.ts";

const MESSAGE = Buffer.from("what is signed");

export const keys: readonly Case[] = [
  {
    name: "starts as the built release and reports its version",
    run: async stage => {
      const host = await stage.fresh();
      const digest = await stage.world.digest("one");
      assert.deepEqual(await host.call("version"), { hash: digest, schema: 1 });
      assert.equal(
        createHash("sha256")
          .update(await stage.world.module("one"))
          .digest("hex"),
        digest,
      );
      const status = await host.call("status");
      assert.equal(status.host, stage.origins.app);
      assert.deepEqual([status.lost, status.strong, status.storage, status.keys], [false, "off", "disk", 0]);
    },
  },
  ...(["ES256", "Ed25519"] as const).map(alg => ({
    name: `${alg}: generates, signs and verifies as others do`,
    run: async (stage: Parameters<Case["run"]>[0]) => {
      const host = await stage.fresh();
      const { kid, publicKey } = await host.generate(alg, "signing");
      assert.equal(kid, thumbprint(publicKey));
      const { signature } = await host.call("sign", { kid, bytes: bytes(MESSAGE) });
      assert.ok(valid(publicKey, MESSAGE, read(signature)), "Node verifies what the enclave signed");
      assert.equal((await host.call("verify", { publicKey, bytes: bytes(MESSAGE), signature })).valid, true);
      assert.equal((await host.call("verify", { publicKey, bytes: bytes("other"), signature })).valid, false);
      const own = alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
      const { crv, kty, x, y } = own.publicKey.export({ format: "jwk" });
      const jwk = y === undefined ? { crv, kty, x } : { crv, kty, x, y };
      const made = sign(alg === "ES256" ? "sha256" : null, MESSAGE, { key: own.privateKey, dsaEncoding: "ieee-p1363" });
      assert.equal(
        (await host.call("verify", { publicKey: jwk, bytes: bytes(MESSAGE), signature: bytes(made) })).valid,
        true,
      );
    },
  })),
  {
    name: "X25519: derives the same bytes as the peer, bound to host and info",
    run: async stage => {
      const host = await stage.fresh();
      const { kid, publicKey } = await host.generate("X25519", "agreement");
      const peer = generateKeyPairSync("x25519");
      const { crv, kty, x } = peer.publicKey.export({ format: "jwk" });
      const shared = diffieHellman({
        privateKey: peer.privateKey,
        publicKey: createPublicKey({ key: publicKey, format: "jwk" }),
      });
      const result = await host.call("derive", { kid, peer: { crv, kty, x }, info: bytes("one") });
      assert.deepEqual(read(result.bytes), derived(shared, stage.origins.app, Buffer.from("one")));
      const other = await host.call("derive", { kid, peer: { crv, kty, x }, info: bytes("two") });
      assert.notDeepEqual(read(other.bytes), read(result.bytes));
      const zero = { crv: "X25519", kty: "OKP", x: Buffer.alloc(32).toString("base64url") };
      await host.refused("bad_key", "derive", { kid, peer: zero, info: bytes("one") });
    },
  },
  {
    name: "public keys are equal in every format, and raw P-256 is the point that PushManager requires",
    run: async stage => {
      const host = await stage.fresh();
      for (const [alg, purpose] of [
        ["ES256", "vapid"],
        ["Ed25519", "signing"],
        ["X25519", "agreement"],
      ] as const) {
        const { kid, publicKey } = await host.generate(alg, purpose);
        const jwk = (await host.call("publicKey", { kid, format: "jwk" })).publicKey;
        assert.deepEqual(jwk, publicKey);
        const spki = read((await host.call("publicKey", { kid, format: "spki" })).publicKey);
        const { crv, kty, x, y } = createPublicKey({ key: spki, format: "der", type: "spki" }).export({
          format: "jwk",
        });
        assert.deepEqual(y === undefined ? { crv, kty, x } : { crv, kty, x, y }, sorted(publicKey));
        const raw = read((await host.call("publicKey", { kid })).publicKey);
        assert.equal(raw.length, alg === "ES256" ? 65 : 32);
      }
    },
  },
  {
    name: "keys, their use counts and the audit log survive a reload",
    run: async stage => {
      const host = await stage.fresh();
      const made: Loose[] = [];
      for (const [alg, purpose] of [
        ["ES256", "signing"],
        ["Ed25519", "signing"],
        ["X25519", "agreement"],
      ] as const) {
        made.push(await host.generate(alg, purpose));
      }
      await host.call("sign", { kid: made[0].kid, bytes: bytes(MESSAGE) });
      const before = await host.call("status");
      await host.load({ store: before.store });
      assert.equal((await host.call("status")).store, before.store);
      const listed = (await host.call("list")).keys;
      assert.deepEqual(listed.map((key: Loose) => key.kid).sort(), made.map(key => key.kid).sort());
      assert.equal(listed.find((key: Loose) => key.kid === made[0].kid).uses, 1);
      for (const { kid, publicKey } of made.slice(0, 2)) {
        const { signature } = await host.call("sign", { kid, bytes: bytes(MESSAGE) });
        assert.ok(valid(publicKey, MESSAGE, read(signature)));
      }
      const peer = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
      const params = { kid: made[2].kid, peer: { crv: peer.crv, kty: peer.kty, x: peer.x }, info: bytes("") };
      assert.equal(read((await host.call("derive", params)).bytes).length, 32);
    },
  },
  {
    name: "keys survive a browser restart; without a persistent profile the loss is reported",
    run: async stage => {
      const host = await stage.fresh();
      const { kid, publicKey } = await host.generate("ES256", "signing");
      const { store } = await host.call("status");
      await stage.engine.restart();
      const again = await stage.host({ store });
      assert.equal((await again.call("status")).lost, !stage.engine.restarts);
      if (!stage.engine.restarts) return;
      const { signature } = await again.call("sign", { kid, bytes: bytes(MESSAGE) });
      assert.ok(valid(publicKey, MESSAGE, read(signature)));
    },
  },
  {
    name: "memory storage: keys work and end with the page",
    run: async stage => {
      const host = await stage.fresh({ storage: "memory" });
      const { kid } = await host.generate("Ed25519", "signing");
      await host.call("sign", { kid, bytes: bytes(MESSAGE) });
      assert.equal((await host.call("status")).storage, "memory");
      await host.load({ storage: "memory" });
      assert.deepEqual((await host.call("list")).keys, []);
      await host.refused("unknown_key", "sign", { kid, bytes: bytes(MESSAGE) });
    },
  },
  {
    name: "a key works only for its own purpose",
    run: async stage => {
      const host = await stage.fresh();
      const peer = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
      const work: Record<string, readonly [string, object]> = {
        signing: ["sign", { bytes: bytes(MESSAGE) }],
        vapid: ["vapidHeaders", { aud: "https://push.example", sub: "mailto:a@b.example" }],
        approval: ["approve", { approval: "a", text: "t", digest: "d".repeat(43), expires: Date.now() + 60_000 }],
        agreement: ["derive", { peer: { crv: peer.crv, kty: peer.kty, x: peer.x }, info: bytes("") }],
        identity: ["session.card", {}],
      };
      const algs = { signing: "ES256", vapid: "ES256", approval: "ES256", agreement: "X25519", identity: "Ed25519" };
      for (const [purpose, alg] of Object.entries(algs)) {
        const { kid } = await host.generate(alg, purpose);
        for (const [other, [method, params]] of Object.entries(work)) {
          if (other !== purpose) await host.refused("wrong_purpose", method, { kid, ...params });
        }
      }
      for (const [alg, purpose] of [
        ["X25519", "signing"],
        ["Ed25519", "vapid"],
        ["ES256", "agreement"],
        ["Ed25519", "approval"],
      ]) {
        await host.refused("wrong_algorithm", "generate", { alg, purpose });
      }
      await host.refused("bad_params", "generate", { alg: "Ed25519", purpose: "audit" });
    },
  },
  {
    name: "no method exports a private key",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "signing");
      const words = [
        "exportKey",
        "export",
        "wrapKey",
        "importKey",
        "import",
        "eval",
        "constructor",
        "__proto__",
        "toString",
        "delete",
        "",
      ];
      for (const method of words) await host.refused("unknown_method", method, { kid });
      for (const format of ["pkcs8", "private", "jwk-private"])
        await host.refused("bad_params", "publicKey", { kid, format });
      await host.refused("not_recoverable", "backup.create", { kids: [kid] });
    },
  },
  {
    name: "even a debugger in the frame finds no exportable key",
    run: async stage => {
      const host = await stage.fresh();
      await host.generate("ES256", "signing");
      await host.generate("Ed25519", "signing");
      await host.generate("X25519", "agreement");
      await host.generate("Ed25519", "identity");
      const found = await host.tab.inFrame<{ keys: number; out: string[]; raw: number }>(
        `async name => {
        const database = await new Promise(resolve => { indexedDB.open(name).onsuccess = event => resolve(event.target.result); });
        const keys = [];
        let raw = 0;
        const walk = value => {
          if (value instanceof CryptoKey) keys.push(value);
          else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) raw += 1;
          else if (typeof value === "object" && value !== null) Object.values(value).forEach(walk);
        };
        for (const table of database.objectStoreNames) {
          const rows = await new Promise(resolve => {
            database.transaction(table).objectStore(table).getAll().onsuccess = event => resolve(event.target.result);
          });
          rows.forEach(walk);
        }
        database.close();
        const out = [];
        const aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["wrapKey", "encrypt"]);
        for (const key of keys) {
          if (key.extractable) out.push("extractable " + key.algorithm.name);
          for (const format of ["raw", "pkcs8", "jwk", "spki"]) {
            await crypto.subtle.exportKey(format, key).then(() => out.push("export " + format), () => undefined);
            await crypto.subtle.wrapKey(format, key, aes, { name: "AES-GCM", iv: new Uint8Array(12) }).then(() => out.push("wrap " + format), () => undefined);
          }
        }
        return { keys: keys.length, out, raw };
      }`,
        databaseOf(host),
      );
      assert.ok(found.keys >= 3, `only ${found.keys} keys were looked at`);
      assert.deepEqual(found.out, []);
    },
  },
  {
    name: "rotation: the old key verifies but no longer signs, and the new one replaces it",
    run: async stage => {
      const host = await stage.fresh();
      const old = await host.generate("ES256", "vapid");
      const { kid } = await host.call("rotate", { kid: old.kid });
      assert.notEqual(kid, old.kid);
      const lease = { aud: "https://push.example", sub: "mailto:a@b.example" };
      await host.refused("key_retired", "vapidHeaders", { kid: old.kid, ...lease });
      await host.refused("key_retired", "rotate", { kid: old.kid });
      await host.call("vapidHeaders", { kid, ...lease });
      const listed = (await host.call("list")).keys.find((key: Loose) => key.kid === old.kid);
      assert.deepEqual([listed.state, listed.successor, listed.purpose], ["retired", kid, "vapid"]);
      assert.equal(read((await host.call("publicKey", { kid: old.kid })).publicKey).length, 65);
    },
  },
  {
    name: "VAPID leases: limited lifetime, one push service, the format of RFC 8292",
    run: async stage => {
      const host = await stage.fresh();
      const { kid, publicKey } = await host.generate("ES256", "vapid");
      const base = { kid, aud: "https://push.example", sub: "mailto:a@b.example" };
      for (const [more, life] of [
        [{}, 12 * 3600],
        [{ relay: true }, 2 * 3600],
        [{ ttl: 60 }, 60],
        [{ ttl: 86_400 }, 86_400],
      ] as const) {
        const { Authorization, exp } = await host.call("vapidHeaders", { ...base, ...more });
        const [, token = "", k] = /^vapid t=([^,]+), k=(.+)$/.exec(Authorization) ?? [];
        const [header = "", claims = "", signature = ""] = token.split(".");
        assert.ok(valid(publicKey, Buffer.from(`${header}.${claims}`), Buffer.from(signature, "base64url")));
        assert.deepEqual(JSON.parse(Buffer.from(header, "base64url").toString()), { alg: "ES256", typ: "JWT" });
        assert.deepEqual(JSON.parse(Buffer.from(claims, "base64url").toString()), {
          aud: base.aud,
          exp,
          sub: base.sub,
        });
        assert.equal(k, read((await host.call("publicKey", { kid })).publicKey).toString("base64url"));
        assert.ok(Math.abs(exp - Date.now() / 1000 - life) < 30, `${exp} is ${life} s away`);
      }
      await host.refused("lease_refused", "vapidHeaders", { ...base, ttl: 86_401 });
      for (const aud of ["https://push.example/", "push.example", "http://push.example", "https://a@push.example"]) {
        await host.refused("lease_refused", "vapidHeaders", { ...base, aud });
      }
      for (const sub of ["a@b.example", "javascript:x", "mailto:"])
        await host.refused("lease_refused", "vapidHeaders", { ...base, sub });
    },
  },
];

function sorted(jwk: Loose) {
  const { crv, kty, x, y } = jwk;
  return y === undefined ? { crv, kty, x } : { crv, kty, x, y };
}
