// Confirmation: nothing happens without a person, and only a person who could see the text counts.

import assert from "node:assert/strict";
import { until } from "../engines/engine.ts";
import { PuppetTab } from "../engines/puppet.ts";
import { bytes, type Host, read } from "../host.ts";
import { record, valid } from "../verify.ts";
import { type Case, PERSON } from "./case.ts";

const question = (kid: string) => ({
  kid,
  approval: "apr_1",
  text: "Delete the repository «demo»?\nThis cannot be undone.",
  digest: Buffer.alloc(32, 7).toString("base64url"),
  expires: Date.now() + 600_000,
});

/** The format of a recovery code. */
const CODE = /([0-9A-Z]{4}-){7}[0-9A-Z]{4}/;

/** Waits until a later call was answered, so that a wrong effect would have happened. */
async function afterwards(host: Host): Promise<void> {
  await host.tab.run("() => new Promise(resolve => setTimeout(resolve, 1200))");
  await host.call("version");
}

export const person: readonly Case[] = [
  {
    name: "an approval signs the shown text, and a denial is signed as a denial",
    only: PERSON,
    run: async stage => {
      const host = await stage.fresh();
      const { kid, publicKey } = await host.generate("ES256", "approval");
      for (const [button, decision] of [
        ["yes", "approve"],
        ["no", "deny"],
      ] as const) {
        const asked = question(kid);
        await host.begin("approve", asked);
        const shown = await host.decide(button);
        assert.ok(shown.includes("Delete the repository «demo»?") && shown.includes(stage.origins.app), shown);
        const answer = await host.answer();
        assert.ok("ok" in answer, JSON.stringify(answer));
        const document = read(answer.ok.document);
        assert.ok(valid(publicKey, document, read(answer.ok.signature)));
        const { form, time, ...signed } = JSON.parse(document.toString());
        assert.deepEqual(signed, { ...asked, decision, host: stage.origins.app });
        assert.equal(form, "briefcase-approval-1");
        assert.ok(Math.abs(time - Date.now()) < 60_000);
        assert.equal(answer.ok.decision, decision);
      }
      const long = { ...question(kid), text: `Send 1 coin.${"\n".repeat(60)}And 1000 more.` };
      await host.begin("approve", long);
      await host.tab.front();
      const where = await host.question();
      await host.tab.text("button.yes[aria-disabled=true]", where);
      await afterwards(host);
      await host.tab.click("button.yes", where);
      assert.equal(await host.settled(), false, "what is below the fold was not read");
      await host.tab.type("blockquote", " ".repeat(20), where);
      await host.tab.text("button.yes[aria-disabled=false]", where);
      await host.tab.click("button.yes", where);
      const answer = await host.answer();
      assert.ok("ok" in answer && answer.ok.decision === "approve", JSON.stringify(answer));
    },
  },
  {
    name: "deceptive text is never shown to a person",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("ES256", "approval");
      const signs = ["\u202e", "\u200b", "\u0007", "\u2066", "\u00ad", "\ufeff", "\u2800", "\u3164", "\ufe0f"];
      for (const odd of [...signs, `o${"\u0301".repeat(5)}`]) {
        await host.refused("bad_params", "approve", { ...question(kid), text: `pay ${odd}10` });
      }
    },
  },
  {
    name: "revocation requires confirmation and is permanent",
    only: PERSON,
    run: async stage => {
      const host = await stage.fresh();
      const { kid, publicKey } = await host.generate("Ed25519", "signing");
      await host.begin("revoke", { kid });
      await host.decide("no");
      const declined = await host.answer();
      assert.equal("error" in declined && declined.error.code, "gesture_refused");
      await host.call("sign", { kid, bytes: bytes("still") });
      await host.agreed("revoke", { kid });
      await host.refused("key_revoked", "sign", { kid, bytes: bytes("no more") });
      await host.refused("key_revoked", "revoke", { kid });
      assert.equal((await host.call("list")).keys[0].state, "revoked");
      assert.deepEqual((await host.call("publicKey", { kid, format: "jwk" })).publicKey, publicKey);
      const outcomes = (await record(host)).filter(entry => entry.method === "revoke").map(entry => entry.outcome);
      assert.deepEqual(outcomes, ["refused", "done", "refused"]);
    },
  },
  {
    name: "a reset requires confirmation, erases everything, and records the end of the old audit log",
    only: PERSON,
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("Ed25519", "signing");
      const before = await record(host);
      const old = await host.call("status");
      const { store } = await host.agreed("reset");
      assert.notEqual(store, old.store);
      await host.refused("unknown_key", "sign", { kid, bytes: bytes("x") });
      const [first] = await record(host);
      assert.deepEqual([first?.method, first?.detail["count"]], ["reset", before.length]);
      await host.load({ store });
      assert.equal((await host.call("status")).lost, false);
      assert.equal((await host.call("list")).keys.length, 0);
    },
  },
  {
    name: "a click by script confirms nothing: no reset, revocation, backup, mode change or approval",
    run: async stage => {
      const methods = ["revoke", "reset", "backup.create", "strong.enter", "approve"] as const;
      for (const method of methods) {
        const host = await stage.fresh();
        const { kid } = await host.generate("Ed25519", "signing", true);
        const approval = await host.generate("ES256", "approval");
        const params = {
          revoke: { kid },
          reset: {},
          "backup.create": { kids: [kid] },
          "strong.enter": {},
          approve: question(approval.kid),
        };
        await host.begin(method, params[method]);
        await host.tab.front();
        const where = (await host.call("status")).gesture;
        if (where === "frame") {
          const code = CODE.exec(await host.tab.text("main", "frame"))?.[0];
          if (code !== undefined) await host.tab.type("input", code.slice(-4), "frame");
          await host.tab.text("button.yes[aria-disabled=false]", "frame");
          await host.tab.inFrame(`() => {
            const yes = document.querySelector("button.yes");
            yes.focus();
            yes.click();
            yes.dispatchEvent(new MouseEvent("click", { bubbles: true }));
            yes.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
          }`);
        } else {
          // Without a popup there is nothing to click, and the frame shows nothing.
          await until("the host is told to open a window", async () => (await host.events()).includes("window"));
          assert.equal(await host.tab.inFrame("() => document.querySelectorAll('button').length"), 0);
        }
        await afterwards(host);
        assert.equal(await host.settled(), false, method);
        assert.equal((await host.call("status")).strong, "off");
        await host.call("sign", { kid, bytes: bytes("still") });
        await host.close();
      }
    },
  },
  {
    name: "a host cannot confirm, neither by message nor by its own window",
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("Ed25519", "signing");
      await host.begin("revoke", { kid });
      await host.tab.run(
        `origin => {
        for (const message of ["briefcase-window", { kind: "told", id: 1, told: { kind: "yes" } }, { kind: "yes" }]) {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => port1.postMessage({ kind: "yes" });
          host.frame.contentWindow.postMessage(message, origin, [port2]);
          port1.postMessage({ kind: "yes" });
        }
        host.port.postMessage({ kind: "told", id: 1, told: { kind: "yes" } });
      }`,
        stage.origins.kms,
      );
      await afterwards(host);
      assert.equal(await host.settled(), false);
      await host.call("sign", { kid, bytes: bytes("still") });
    },
  },
  {
    name: "clicks on a covered or invisible frame have no effect",
    only: {
      engines: ["chromium"],
      because: "the other engines cannot detect a covered frame, so they show no button in it: see the case above",
    },
    run: async stage => {
      const host = await stage.fresh();
      const { kid } = await host.generate("Ed25519", "signing");
      await host.begin("revoke", { kid });
      await host.tab.text("button.yes[aria-disabled=false]", "frame");
      const tricks: Record<string, string> = {
        covered: `() => {
          const cover = document.createElement("div");
          cover.id = "cover";
          Object.assign(cover.style, { position: "fixed", inset: "0", background: "white", pointerEvents: "none", zIndex: "9" });
          document.body.append(cover);
        }`,
        transparent: "() => { host.frame.style.opacity = '0.01'; }",
        "in part covered": `() => {
          const cover = document.createElement("div");
          cover.id = "cover";
          Object.assign(cover.style, { position: "fixed", left: "0", top: "0", width: "600px", height: "120px", background: "white", pointerEvents: "none", zIndex: "9" });
          document.body.append(cover);
        }`,
        "turned around": "() => { host.frame.style.transform = 'rotate(0.5deg)'; }",
        "cut off": "() => { host.frame.style.height = '150px'; host.frame.style.width = '300px'; }",
      };
      for (const [trick, code] of Object.entries(tricks)) {
        await host.tab.run(code);
        await host.tab.text("button.yes[aria-disabled=true]", "frame");
        await host.tab.click("button.yes", "frame").catch(() => undefined);
        await afterwards(host);
        assert.equal(await host.settled(), false, trick);
        await host.tab.run(`() => {
          document.querySelector("#cover")?.remove();
          Object.assign(host.frame.style, { opacity: "", transform: "", width: "480px", height: "560px" });
        }`);
        await host.tab.text("button.yes[aria-disabled=false]", "frame");
      }
      assert.ok(host.tab instanceof PuppetTab);
      const middle = `element => { const at = element.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]; }`;
      const [x = 0, y = 0] = await host.tab.inFrame<number[]>(
        `() => (${middle})(document.querySelector("button.yes"))`,
      );
      const [left = 0, top = 0] = await host.tab.run<number[]>(
        `() => {
        Object.assign(host.frame.style, { position: "relative", left: "300px", top: "40px" });
        const at = host.frame.getBoundingClientRect();
        return [at.x, at.y];
      }`,
      );
      await host.tab.page.mouse.click(left + x, top + y);
      await afterwards(host);
      assert.equal(await host.settled(), false, "moved under a click");
      await host.tab.page.mouse.move(left + x, top + y);
      await afterwards(host);
      await host.tab.page.mouse.click(left + x, top + y);
      assert.ok("ok" in (await host.answer()), "in plain sight it does");
    },
  },
  {
    name: "a backup is restored only with the recovery code, on the same host",
    only: PERSON,
    run: async stage => {
      const host = await stage.fresh();
      const made = await host.generate("ES256", "signing", true);
      const gone = await host.generate("Ed25519", "signing", true);
      let code = "";
      const { backup } = await host.agreed("backup.create", { kids: [made.kid, gone.kid] }, shown => {
        code = CODE.exec(shown)?.[0] ?? "";
        return code.slice(-4);
      });
      assert.equal(code.length, 39);
      const said = JSON.stringify([await host.call("audit"), await host.events(), backup]);
      assert.ok(!said.includes(code.slice(0, 14)), "the host never hears the code");
      await host.agreed("reset");
      await host.begin("backup.restore", { backup });
      await host.decide("yes", () => code.replace(/^..../, "0000"));
      const wrong = await host.answer();
      assert.equal("error" in wrong && wrong.error.code, "bad_backup");
      const bent = bytes(Uint8Array.from(read(backup), (byte, index) => (index === 60 ? byte ^ 1 : byte)));
      await host.begin("backup.restore", { backup: bent });
      await host.decide("yes", () => code);
      const forged = await host.answer();
      assert.equal("error" in forged && forged.error.code, "bad_backup");
      const { kids } = await host.agreed("backup.restore", { backup }, () => code.toLowerCase());
      assert.deepEqual([...kids].sort(), [made.kid, gone.kid].sort());
      const { signature } = await host.call("sign", { kid: made.kid, bytes: bytes("back") });
      assert.ok(valid(made.publicKey, Buffer.from("back"), read(signature)));
      await host.agreed("revoke", { kid: gone.kid });
      await host.begin("backup.restore", { backup });
      await host.decide("yes", () => code);
      const revoked = await host.answer();
      assert.equal("error" in revoked && revoked.error.code, "key_revoked", "a backup is no way around a revocation");
    },
  },
];
