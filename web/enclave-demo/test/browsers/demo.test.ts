// The whole demo, step by step, as `cargo xtask enclave demo` serves it.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PuppetEngine } from "../../../enclave/test/engines/puppet.ts";
import { Person } from "../person.ts";

const engines = (process.env["ENCLAVE_ENGINES"] ?? "")
  .split(" ")
  .filter(name => name === "chromium" || name === "firefox");
/** The build comes first, on a machine that may be busy. */
const TIMEOUT = 900_000;

interface Demo {
  readonly app: string;
  readonly enclave: string;
  readonly relay: string;
  readonly push: string;
}

let folder: string;
let server: ChildProcess;
let demo: Demo;

before(
  async () => {
    assert.ok(engines.length > 0, "no engine given");
    const xtask = process.env["ENCLAVE_XTASK"] ?? "";
    assert.ok(xtask !== "", "ENCLAVE_XTASK must name the project's command");
    folder = await mkdtemp(join(tmpdir(), "enclave-demo-"));
    server = spawn(xtask, ["enclave", "demo", "--port", "0", "--dir", folder, "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    demo = JSON.parse(await line(server));
  },
  { timeout: TIMEOUT },
);
after(async () => {
  server?.kill();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** Returns the line with the addresses; builds may print others before it. */
function line(of: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let told = "";
    of.stdout?.on("data", part => {
      told += String(part);
      const found = told.split("\n").find(one => one.startsWith("{") && one.endsWith("}"));
      if (found !== undefined) resolve(found);
    });
    of.on("exit", code => reject(new Error(`the demo exited with ${code}: ${told}`)));
  });
}

for (const name of engines) {
  describe(name, () => {
    let engine: PuppetEngine;
    let person: Person;
    before(async () => {
      engine = await PuppetEngine.start(name);
      person = await Person.before(engine, demo.app);
    });
    after(() => engine.close());
    const step = (title: string, run: () => Promise<void>) => test(`${name}: ${title}`, { timeout: 180_000 }, run);

    step("the release is verified by the project's own verifier: signer, witnesses, log", async () => {
      const text = await person.status();
      for (const part of [
        "demo.briefcase.localhost/signer-on-this-machine",
        "witness.one.example, witness.two.example",
        "1, current; commit",
      ])
        assert.ok(text.includes(part), text);
      assert.ok(text.includes(name === "chromium" ? "Verified" : "Checked from outside"), text);
    });
    step("a button that cannot work yet says what it lacks", async () => {
      await person.does("signing", "Sign", "Create a key first");
      await person.does("rotation", "Rotate", "Create a key first");
      await person.does("recovery", "Back up", "Create a key first");
      await person.does("abuse", "Stop it", "Relay North has no lease");
      await person.accessible();
      await person.shot("start");
    });
    step("create, sign, verify; a changed text is invalid", async () => {
      await person.does("keys", "Create", "Created.");
      await person.does("signing", "Sign", "Signed.");
      await person.does("signing", "Verify", "This key signed this text");
      await person.tab.page.locator("#text").fill("Pay 92.50 to the baker.");
      await person.does("signing", "Verify", "Invalid.");
    });
    step("a relay with a lease sends a message, which arrives decrypted", async () => {
      await person.does("push", "Subscribe", "Subscribed.");
      await person.does("push", "Have it", "Lend Relay North");
      await person.does("push", "Lend", "Lent.");
      await person.does("push", "Have it", "Sent.");
      await arrives(person, "Your parcel has arrived.");
      await person.shot("push");
    });
    // Firefox would ask the user for permission, which the test cannot grant.
    if (name === "chromium") {
      step("without notification permission, the stand-in still works", async () => {
        await person.tab.page.click("input[value=browser]");
        await person.does("push", "Subscribe", "Allow them for this site, or use the stand-in.");
        await person.tab.page.click("input[value=stand-in]");
        await person.does("push", "Have it", "Sent.");
      });
    }
    step("after a rotation the old key no longer signs", async () => {
      await person.does("rotation", "Rotate", "Rotated.");
      await person.does("rotation", "Try", "key_retired");
    });
    step("an abusive relay is stopped permanently", async () => {
      await person.does("abuse", "Let Relay North", "Three unwanted messages");
      await arrives(person, "Last chance!!!");
      await person.does("abuse", "Stop it", "Stopped.");
      const said = await person.does("abuse", "Let it try", "It was rejected.");
      assert.match(said, /Old address: gone\. New address with the old lease: .+/);
      assert.ok(!(await person.text("push")).includes("Me again!"));
      await person.does("abuse", "Have Relay South", "Sent.");
      await arrives(person, "The baker says: thank you.");
      await person.press("abuse", "Revoke");
      await person.shown("question");
      const shown = await person.agrees();
      assert.ok(shown.includes("Revoke a key?"), shown);
      await person.hears("abuse", "Revoked.");
    });
    step("the recovery code restores erased keys", async () => {
      let code = "";
      await person.press("recovery", "Back up");
      await person.agrees(shown => {
        code = /([0-9A-Z]{4}-){7}[0-9A-Z]{4}/.exec(shown)?.[0] ?? "";
        return code.slice(-4);
      });
      await person.hears("recovery", "Backed up.");
      const kept = await person.tab.run<string>(
        "() => JSON.stringify({ ...localStorage }) + document.documentElement.outerHTML",
      );
      assert.equal(code.length, 39);
      assert.ok(!kept.includes(code) && !kept.includes(code.slice(0, 14)), "the page never saw the code");
      await person.press("recovery", "Erase everything");
      await person.agrees();
      await person.hears("recovery", "Everything was erased.");
      await person.does("signing", "Sign", "Create a key first");
      await person.press("recovery", "Recover");
      await person.agrees(() => code);
      await person.hears("recovery", "signs again");
      await person.does("signing", "Sign", "Signed.");
    });
    for (const [cheat, layer] of [
      ["module", "module"],
      ["page", "page"],
      ["headers", "headers"],
      ["manifest", "signature"],
      ["proof", "log"],
    ] as const) {
      step(`a server that tampers with ${cheat} is refused; after a restore the keys are unchanged`, async () => {
        await person.tab.page.select("#cheat", cheat);
        await person.does("cheating", "Tamper", `Refused, as expected. ${layer}:`);
        assert.equal(await person.tab.run("() => document.querySelector('iframe')"), null);
        await person.does("signing", "Sign", "Refused (");
        if (cheat === "module") await person.shot("refused");
        await person.does("cheating", "Restore", "Restored.");
        await person.does("signing", "Sign", "Signed.");
      });
    }
    step("the audit log is valid and complete", async () => {
      await person.does("record", "Read", "The chain is valid.");
      const text = await person.text("record");
      for (const method of ["backup.restore", "sign"]) assert.ok(text.includes(method), text);
      await person.accessible();
      await person.shot("whole", true);
    });
    step("keys persist to the next visit", async () => {
      await person.tab.goto(demo.app);
      await person.ready();
      await person.does("signing", "Sign", "Signed.");
      await person.does("keys", "Create", "A key exists already");
    });
    step("keyboard only, dark and narrow", async () => {
      const { page } = person.tab;
      await person.tab.run("() => { scrollTo(0, 0); document.querySelector('.skip').focus(); }");
      await page.keyboard.press("Enter");
      for (let pressed = 0; ; pressed += 1) {
        assert.ok(pressed < 12, "Sign is reached");
        await page.keyboard.press("Tab");
        if ((await person.tab.run("() => document.activeElement.textContent")) === "Sign") break;
      }
      await page.keyboard.press("Enter");
      await person.hears("signing", "Signed.");
      if (name !== "chromium") return;
      await looks(person);
    });
    step("only the page can call relays, push service and tampering", async () => {
      for (const url of [`${demo.relay}/north`, `${demo.relay}/cheat/module`, `${demo.push}/subscribe`]) {
        const { host, port } = new URL(url);
        const local = url.replace(host, `127.0.0.1:${port}`);
        const response = await fetch(local, {
          method: "POST",
          headers: { Origin: "https://evil.example" },
          body: "{}",
        });
        assert.ok([403, 404].includes(response.status), url);
      }
    });
  });
}

/** Waits until the feed shows the text. */
async function arrives(person: Person, text: string): Promise<void> {
  await person.tab.page.waitForFunction(
    wanted => document.querySelector("#push .feed")?.textContent?.includes(wanted) === true,
    { timeout: 60_000 },
    text,
  );
}

async function looks(person: Person): Promise<void> {
  const { page } = person.tab;
  const session = await page.createCDPSession();
  const media = (scheme: string, forced: string) =>
    session.send("Emulation.setEmulatedMedia", {
      features: [
        { name: "prefers-color-scheme", value: scheme },
        { name: "forced-colors", value: forced },
      ],
    });
  await person.tab.run("() => scrollTo(0, 0)");
  await person.shot("light");
  await media("dark", "none");
  await person.accessible();
  await person.shot("dark");
  await media("dark", "active");
  await person.accessible();
  await person.shot("contrast");
  await media("light", "none");
  await session.send("Emulation.setDeviceMetricsOverride", {
    width: 340,
    height: 800,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await person.accessible();
  const over = await person.tab.run<number>(
    "() => document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  assert.equal(over, 0, "a narrow page does not overflow");
  await person.tab.run("() => scrollTo(0, 0)");
  await person.shot("narrow");
  await session.send("Emulation.clearDeviceMetricsOverride");
  await session.detach();
}
