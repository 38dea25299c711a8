// Measures durations in this engine on this machine. The times are those of the host page, channel and disk included.

import type { Stage } from "./cases/case.ts";
import { bytes, type Host } from "./host.ts";

/** Milliseconds. */
export interface Figure {
  readonly what: string;
  readonly runs: number;
  readonly p50: number;
  readonly p95: number;
  readonly mean: number;
  /** The limit at the 95th percentile, and the target on a quiet machine. */
  readonly limit: number;
  readonly goal: number;
}

function quantile(times: readonly number[], part: number): number {
  const sorted = [...times].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function figure(what: string, [limit, goal]: readonly [number, number], times: readonly number[]): Figure {
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  return { what, runs: times.length, p50: quantile(times, 0.5), p95: quantile(times, 0.95), mean, limit, goal };
}

const timed = (host: Host, body: string, argument: unknown, runs: number): Promise<number[]> =>
  host.tab.run<number[]>(
    `async ({ argument, runs }) => {
      const work = ${body};
      const took = [];
      for (let turn = 0; turn < runs; turn += 1) {
        const from = performance.now();
        await work(argument, turn);
        took.push(performance.now() - from);
      }
      return took;
    }`,
    { argument, runs },
  );

/** `scale` multiplies the number of runs of a test. */
export async function measure(stage: Stage, scale: number): Promise<readonly Figure[]> {
  const host = await stage.fresh();
  const { kid } = await host.generate("ES256", "signing");
  const url = `${stage.origins.kms}/kms.html`;
  const start =
    "async ({ url, kid }) => { await host.boot({ url }); await host.sure('sign', { kid, bytes: new ArrayBuffer(32) }); }";
  const starts = await timed(host, start, { url, kid }, 10 * scale);
  const generate = "params => host.sure('generate', params)";
  const signal = `async () => {
    const { kid } = await host.sure("generate", { alg: "Ed25519", purpose: "identity" });
    await host.sure("session.prekeys", { kid, oneTime: 5 });
  }`;
  const sign = "kid => host.sure('sign', { kid, bytes: new ArrayBuffer(32) })";
  const hash = `async url => {
    const bytes = await (await fetch(url, { cache: "reload" })).arrayBuffer();
    await crypto.subtle.digest("SHA-256", bytes);
  }`;
  const artifact = `${stage.origins.kms}/artifacts/kms-${await stage.world.digest("one")}.mjs`;
  const figures = [
    figure("start, to the first signature", [500, 150], starts),
    figure("generate ES256", [100, 20], await timed(host, generate, { alg: "ES256", purpose: "signing" }, 20 * scale)),
    figure("generate an identity and its prekeys", [200, 40], await timed(host, signal, {}, 10 * scale)),
  ];
  // A new store: the earlier ones contain many keys.
  const signing = await stage.fresh();
  const key = (await signing.generate("ES256", "signing")).kid;
  figures.push(figure("sign ES256", [50, 5], await timed(signing, sign, key, 100 * scale)));
  figures.push(figure("fetch and hash the module", [100, 20], await timed(signing, hash, artifact, 20 * scale)));
  const kept = await ratchet(signing, scale, "");
  // Without a disk: only computation and channel remain.
  return [...figures, ...kept, ...(await ratchet(await stage.fresh({ storage: "memory" }), scale, ", in memory"))];
}

async function ratchet(host: Host, scale: number, where: string): Promise<readonly Figure[]> {
  const kids = [await host.generate("Ed25519", "identity"), await host.generate("Ed25519", "identity")];
  const [alice, bob] = kids.map(({ kid }) => kid as string);
  const { bundles } = await host.call("session.prekeys", { kid: bob, oneTime: 1 });
  const { session: here } = await host.call("session.initiate", { kid: alice, bundle: bundles[0] });
  const { message } = await host.call("session.encrypt", { session: here, plaintext: bytes("hello") });
  const { session: there } = await host.call("session.accept", { kid: bob, message });
  const encrypt = `async ({ here, there }, turn) => {
    const session = turn % 2 === 0 ? there : here;
    host.message = (await host.sure("session.encrypt", { session, plaintext: new ArrayBuffer(100) })).message;
  }`;
  // Every message is a ratchet step, the costly kind.
  const times = await host.tab.run<{ sent: number[]; heard: number[] }>(
    `async ({ ends, runs }) => {
      const encrypt = ${encrypt};
      const [sent, heard] = [[], []];
      for (let turn = 0; turn < runs; turn += 1) {
        const from = performance.now();
        await encrypt(ends, turn);
        const between = performance.now();
        const session = turn % 2 === 0 ? ends.here : ends.there;
        await host.sure("session.decrypt", { session, message: host.message });
        sent.push(between - from);
        heard.push(performance.now() - between);
      }
      return { sent, heard };
    }`,
    { ends: { here, there }, runs: 50 * scale },
  );
  return [
    figure(`seal a ratchet message${where}`, [50, 2], times.sent),
    figure(`open a ratchet message${where}`, [50, 2], times.heard),
  ];
}
