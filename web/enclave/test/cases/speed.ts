// How long things take in this engine, on this machine, with whatever else it does. The limits are those of
// requirement J7; the numbers are printed so that a change is seen.

import assert from "node:assert/strict";
import { bytes } from "../host.ts";
import type { Case } from "./case.ts";

function quantile(times: readonly number[], part: number): number {
  const sorted = [...times].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

export const speed: readonly Case[] = [
  {
    name: "speed: start, generate, sign, ratchet within the limits",
    run: async stage => {
      const host = await stage.fresh();
      const lines: string[] = [];
      const measured = (what: string, times: readonly number[], limit: number) => {
        const [p50, p95] = [quantile(times, 0.5), quantile(times, 0.95)];
        lines.push(`${what} ${p50.toFixed(1)} / ${p95.toFixed(1)}`);
        assert.ok(p50 <= limit, `${what}: p50 is ${p50} ms, it may be ${limit}`);
      };
      const time = (method: string, params: object, times: number) =>
        host.tab.run<number[]>("([method, params, times]) => host.time(method, params, times)", [
          method,
          params,
          times,
        ]);
      const { kid } = await host.generate("ES256", "signing");
      const starts = await host.tab.run<number[]>(
        `async url => {
        const took = [];
        for (let turn = 0; turn < 10; turn += 1) {
          const from = performance.now();
          await host.boot({ url });
          await host.call("list");
          took.push(performance.now() - from);
        }
        return took;
      }`,
        `${stage.origins.kms}/kms.html`,
      );
      measured("init", starts, 500);
      measured("generate ES256", await time("generate", { alg: "ES256", purpose: "signing" }, 40), 100);
      measured("generate identity", await time("generate", { alg: "Ed25519", purpose: "identity" }, 20), 200);
      // A buffer is not transferred by the test's host, so one can be sent many times.
      measured("sign", await time("sign", { kid, bytes: bytes("what is signed") }, 100), 50);
      const id = (await host.generate("Ed25519", "identity")).kid;
      measured("20 prekeys", await time("session.prekeys", { kid: id, oneTime: 20 }, 4), 200);
      const { lastResort } = await host.call("session.prekeys", { kid: id, oneTime: 0 });
      const { session } = await host.call("session.initiate", { kid: id, bundle: lastResort });
      measured("ratchet message", await time("session.encrypt", { session, plaintext: bytes("hello") }, 100), 50);
      console.log(`${stage.engine.name}: ms p50 / p95: ${lines.join(", ")}`);
    },
  },
];
