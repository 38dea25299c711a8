// The limits of requirement J7, with few runs beside whatever else the machine does: the middle has to keep them.
// `cargo xtask enclave bench` holds the 95th percentile to them.

import assert from "node:assert/strict";
import { measure } from "../measure.ts";
import type { Case } from "./case.ts";

export const speed: readonly Case[] = [
  {
    name: "speed: start, generate, sign, ratchet within the limits",
    run: async stage => {
      const figures = await measure(stage, 1);
      const shown = figures.map(({ what, p50, p95 }) => `${what} ${p50.toFixed(1)} / ${p95.toFixed(1)}`);
      console.log(`${stage.engine.name}: ms p50 / p95: ${shown.join(", ")}`);
      for (const { what, p50, limit } of figures)
        assert.ok(p50 <= limit, `${what}: p50 is ${p50} ms, it may be ${limit}`);
    },
  },
];
