// The files that the bridge loads, and those it refuses before any of their code runs.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { World } from "../world/world.ts";
import type { Case } from "./stage.ts";

const KNOWN = "/.well-known/kms-";
const framed = (world: World) => world.asked.filter(asked => asked.endsWith(" iframe"));

/** The tampered file, the layer that must refuse it, and the code. */
const SPOILED: Readonly<Record<string, readonly [layer: string, code: string, spoil: (world: World) => void]>> = {
  "a byte of the module": [
    "module",
    "digest",
    world => {
      world.cheat = path => (path.startsWith("/artifacts/") ? { headers: OPEN, body: "export {};" } : undefined);
    },
  ],
  "a module of no release": [
    "headers",
    "headers_file",
    world => {
      world.manifest = { ...world.manifest, current: { ...world.one.release, version: 2 }, allowed: [] };
    },
  ],
  "a signature of other bytes": [
    "signature",
    "signature",
    world => {
      const digest = "0".repeat(64);
      world.cheat = answers("manifest.sigstore.json", JSON.stringify({ identity: world.evidence.identity, digest }));
    },
  ],
  "another signer": [
    "signature",
    "identity",
    world => {
      world.evidence = { ...world.evidence, identity: "mallory@evil.example" };
    },
  ],
  "a missing log proof": [
    "fetch",
    "status",
    world => {
      world.cheat = path => (path === `${KNOWN}manifest.tlog-proof` ? { status: 404, headers: OPEN } : undefined);
    },
  ],
  "a log proof of another entry": [
    "log",
    "not_in_log",
    world => {
      world.cheat = answers("manifest.tlog-proof", JSON.stringify({ ...world.evidence, digest: "0".repeat(64) }));
    },
  ],
  "one witness missing": [
    "witness",
    "witness_quorum",
    world => {
      world.evidence = { ...world.evidence, witnesses: ["one.example"] };
    },
  ],
  "an expired manifest": [
    "expiry",
    "expired",
    world => {
      world.manifest = { ...world.manifest, expires: 1_000_000_000 };
    },
  ],
  "a page with an extra script": [
    "page",
    "page",
    world => {
      const body = world.html.replace("</head>", '<script src="https://evil.example/x.js"></script></head>');
      world.cheat = path => (path === "/kms.html" ? { headers: OPEN, body } : undefined);
    },
  ],
  "the page of another release": [
    "page",
    "page",
    world => {
      const body = readFileSync(`${world.one.folder}/kms.html`);
      world.cheat = path => (path === "/kms.html" ? { headers: OPEN, body } : undefined);
    },
  ],
  "a headers file of no release": [
    "headers",
    "headers_file",
    world => {
      world.cheat = answers("headers.txt", "/kms.html\n  Content-Security-Policy: default-src *\n");
    },
  ],
  "a signed headers file with a weaker policy": ["headers", "weak_policy", world => headersFile(world, loosened)],
  "a signed headers file with an extra directive": ["headers", "weak_policy", world => headersFile(world, extended)],
  "a signed headers file without a policy": ["headers", "no_policy", world => headersFile(world, bared)],
  "a redirected manifest": [
    "fetch",
    "redirected",
    world => {
      const Location = `${world.origin("evil")}/manifest.json`;
      world.cheat = path =>
        path === `${KNOWN}manifest.json` ? { status: 302, headers: { ...OPEN, Location } } : undefined;
    },
  ],
  "an endless manifest": [
    "fetch",
    "too_large",
    world => {
      world.cheat = answers("manifest.json", " ".repeat(40_000));
    },
  ],
};

const OPEN = { "Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript" } as const;
const answers = (name: string, body: string) => (path: string) =>
  path === KNOWN + name ? { headers: OPEN, body } : undefined;

const loosened = (rules: string) => rules.replace("connect-src 'none'", "connect-src *");
const extended = (rules: string) => rules.replace("connect-src 'none'", "connect-src 'none'; img-src *");
const bared = (rules: string) => rules.replace(/^ {2}Content-Security-Policy: .*\n/m, "");

/** Serves a changed headers file and a manifest that names it, as a dishonest signer could. */
function headersFile(world: World, change: (rules: string) => string): void {
  const body = change(world.rules);
  const headers = createHash("sha256").update(body).digest("hex");
  world.manifest = { ...world.manifest, current: { ...world.served.release, headers } };
  world.cheat = answers("headers.txt", body);
}

export const releases: readonly Case[] = [
  {
    name: "a valid release is verified, loaded with its policy, and answers calls",
    run: async stage => {
      const page = await stage.fresh();
      const shot = await page.verified();
      assert.deepEqual(shot.states.slice(0, 2), ["checking", "verified"]);
      const { release } = stage.world.served;
      assert.deepEqual(
        [shot.release.sha256, shot.release.version, shot.release.status, shot.release.signer.identity],
        [release.sha256, 2, "current", "release@briefcase.example"],
      );
      assert.equal(shot.enforced, stage.name === "chromium" ? "browser" : "outside");
      assert.equal(await page.do("attribute", "sandbox"), "allow-scripts allow-same-origin");
      assert.equal(await page.do("attribute", "src"), stage.world.page);
      const csp = await page.do<string>("attribute", "csp");
      const digest = Buffer.from(release.sha256, "hex").toString("base64");
      assert.ok(csp.includes(`script-src 'sha256-${digest}' 'wasm-unsafe-eval'`) && csp.includes("connect-src 'none'"));
      assert.ok(!csp.includes("frame-ancestors"));
      const { asked } = stage.world;
      const frame = asked.findIndex(what => what.endsWith(" iframe"));
      for (const name of ["manifest.json", "manifest.sigstore.json", "manifest.tlog-proof", "headers.txt"]) {
        const at = asked.findIndex(what => what.startsWith(KNOWN + name));
        assert.ok(at >= 0 && at < frame, `${name} before the frame`);
      }
      assert.deepEqual((await page.do("flow")).ok, {
        valid: true,
        kept: 7,
        chain: { linked: true, complete: true, head: "good" },
      });
    },
  },
  ...Object.entries(SPOILED).map(
    ([what, [layer, code, spoil]]): Case => ({
      name: `refused before it is loaded: ${what}`,
      run: async stage => {
        spoil(stage.world);
        const page = await stage.fresh();
        const { refused } = await page.refused(layer, code);
        assert.ok(refused.next.length > 10);
        assert.deepEqual(framed(stage.world), [], "the frame was not even asked for");
      },
    }),
  ),
  {
    name: "rollback state persists across visits: no older release, floor or log entry is accepted",
    run: async stage => {
      const { world } = stage;
      await (await stage.fresh()).verified();
      const back: readonly (() => void)[] = [
        () => {
          world.served = world.one;
          world.manifest = { ...world.manifest, current: world.one.release, allowed: [] };
        },
        () => {
          world.evidence = { ...world.evidence, index: 6 };
        },
        () => {
          world.manifest = { ...world.manifest, version_floor: 0 };
        },
      ];
      for (const go of back) {
        world.reset();
        go();
        await (await stage.page()).refused("rollback", "older_manifest");
      }
      world.reset();
      world.served = world.one;
      await (await stage.page()).refused("rollback", "older_module");
      world.reset();
      await (await stage.page()).verified();
    },
  },
  {
    name: "during a rollout the previous release is allowed for hosts that have not seen the new one",
    run: async stage => {
      stage.world.served = stage.world.one;
      const shot = await (await stage.fresh()).verified();
      assert.deepEqual([shot.release.version, shot.release.status], [1, "allowed"]);
    },
  },
  {
    name: "a pin needs no manifest and accepts no other module",
    run: async stage => {
      const { world } = stage;
      const page = await stage.fresh();
      const shot = await page.verified({ pin: world.two.release.sha256 });
      assert.deepEqual([shot.release.by, shot.release.sha256], ["pin", world.two.release.sha256]);
      assert.equal(world.asked.filter(asked => asked.includes("manifest")).length, 0);
      await page.refused("headers", "weak_policy", { pin: world.one.release.sha256 });
      await page.refused("policy", "pin", { pin: "ABC" });
    },
  },
  {
    name: "with a pin the page is verified byte by byte",
    run: async stage => {
      const { world } = stage;
      const pin = world.two.release.sha256;
      const html = world.html;
      for (const body of [
        html.replace("</head>", "<script>1</script></head>"),
        html.replace("</style>", "</style><base href=//evil.example>"),
        html.replace("<style>", "<style>body{opacity:0}"),
        html.replace(' crossorigin="anonymous"', ""),
        `${html} `,
        html.slice(0, 40),
      ]) {
        world.cheat = path => (path === "/kms.html" ? { headers: OPEN, body } : undefined);
        await (await stage.fresh()).refused("page", "page_form", { pin });
      }
    },
  },
  {
    name: "an enclave on the host's own origin or at a wrong address is refused",
    run: async stage => {
      const page = await stage.fresh();
      for (const [url, code] of [
        [`${stage.world.origin("app")}/kms.html`, "same_origin"],
        [`${stage.world.origin("kms")}/other.html`, "address"],
        ["http://kms.example/kms.html", "address"],
      ] as const) {
        const answer = await page.tab.run(
          `async given => { try { return await host.open(given) } catch (thrown) { return { code: thrown.code } } }`,
          { url, policy: "{}" },
        );
        assert.equal((answer as { code?: string }).code, code, url);
      }
    },
  },
];
