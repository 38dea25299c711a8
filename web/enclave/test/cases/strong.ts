// Strong mode with a virtual authenticator.

import assert from "node:assert/strict";
import { liesInClear } from "../disk.ts";
import { PuppetEngine, PuppetTab } from "../engines/puppet.ts";
import { bytes, type Host, read } from "../host.ts";
import { record, valid } from "../verify.ts";
import { type Case, databaseOf, type Only } from "./case.ts";

const PRF: Only = { engines: ["chromium"], because: "no other engine has a virtual authenticator with PRF" };
const MESSAGE = Buffer.from("what is signed");

/** Adds an authenticator with or without PRF for the enclave's frame. */
async function authenticator(host: Host, hasPrf = true): Promise<void> {
  assert.ok(host.tab instanceof PuppetTab);
  const session = await host.tab.page.createCDPSession();
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      hasPrf,
    },
  });
}

export const strong: readonly Case[] = [
  {
    name: "copied browser files contain a usable key of the default mode",
    only: { engines: ["chromium", "firefox"], because: "WebKitGTK under automation writes no profile" },
    run: async stage => {
      assert.ok(stage.engine instanceof PuppetEngine);
      const host = await stage.fresh();
      const { publicKey } = await host.generate("Ed25519", "signing");
      assert.equal(await liesInClear(stage.engine.profile, publicKey), true);
    },
  },
  {
    name: "copied browser files contain no usable key of strong mode",
    only: PRF,
    run: async stage => {
      assert.ok(stage.engine instanceof PuppetEngine);
      const host = await stage.fresh();
      await authenticator(host);
      const before = await host.generate("Ed25519", "signing");
      await host.agreed("strong.enter");
      const made = [await host.generate("Ed25519", "signing"), await host.generate("Ed25519", "signing", true)];
      const { profile } = stage.engine;
      assert.equal(await liesInClear(profile, before.publicKey), true, "what lay there once lies there still");
      for (const { publicKey } of made) assert.equal(await liesInClear(profile, publicKey), false);
      await host.load();
      await host.agreed("strong.unlock");
      for (const { publicKey } of made) assert.equal(await liesInClear(profile, publicKey), false);
    },
  },
  {
    name: "strong mode: keys work only with the passkey, and the store contains no usable key",
    only: PRF,
    run: async stage => {
      const host = await stage.fresh();
      await authenticator(host);
      const before = await host.generate("ES256", "signing");
      const kept = await host.generate("ES256", "signing", true);
      const { retired } = await host.agreed("strong.enter");
      assert.deepEqual(retired, [before.kid], "a key that lay open in the store is not used again");
      await host.refused("key_retired", "sign", { kid: before.kid, bytes: bytes(MESSAGE) });
      const made = await host.generate("Ed25519", "signing");
      for (const { kid, publicKey } of [kept, made]) {
        const { signature } = await host.call("sign", { kid, bytes: bytes(MESSAGE) });
        assert.ok(valid(publicKey, MESSAGE, read(signature)));
      }
      const held = await host.tab.inFrame<number>(
        `async name => {
        const database = await new Promise(resolve => { indexedDB.open(name).onsuccess = event => resolve(event.target.result); });
        let held = 0;
        const walk = value => {
          if (value instanceof CryptoKey) held += 1;
          else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) Object.values(value).forEach(walk);
        };
        for (const table of database.objectStoreNames) {
          (await new Promise(resolve => {
            database.transaction(table).objectStore(table).getAll().onsuccess = event => resolve(event.target.result);
          })).forEach(walk);
        }
        database.close();
        return held;
      }`,
        databaseOf(host),
      );
      assert.equal(held, 0, "no key object is left in the store");
      await host.call("strong.lock");
      await host.refused("locked", "sign", { kid: made.kid, bytes: bytes(MESSAGE) });
      await host.load();
      assert.equal((await host.call("status")).strong, "locked");
      for (const [method, params] of [
        ["sign", { kid: made.kid, bytes: bytes(MESSAGE) }],
        ["generate", { alg: "ES256", purpose: "signing" }],
        ["rotate", { kid: made.kid }],
        ["strong.leave", {}],
      ] as const) {
        await host.refused("locked", method, params);
      }
      await host.agreed("strong.unlock");
      const { signature } = await host.call("sign", { kid: made.kid, bytes: bytes(MESSAGE) });
      assert.ok(valid(made.publicKey, MESSAGE, read(signature)));
      await record(host);
      await host.agreed("strong.leave");
      await host.load();
      assert.equal((await host.call("status")).strong, "off");
      await host.call("sign", { kid: made.kid, bytes: bytes(MESSAGE) });
      await record(host);
    },
  },
  {
    name: "a passkey without PRF is refused, and nothing changes",
    only: PRF,
    run: async stage => {
      const host = await stage.fresh();
      await authenticator(host, false);
      const { kid } = await host.generate("ES256", "signing");
      await host.begin("strong.enter");
      await host.decide("yes");
      const answer = await host.answer();
      assert.equal("error" in answer && answer.error.code, "passkey_failed");
      assert.equal((await host.call("status")).strong, "off");
      await host.call("sign", { kid, bytes: bytes(MESSAGE) });
    },
  },
];
