// Starts an engine by name.

import type { Engine, EngineName } from "./engine.ts";
import { PuppetEngine } from "./puppet.ts";
import { WebKitEngine } from "./webkit.ts";

export type { EngineName } from "./engine.ts";

export const start = (name: EngineName): Promise<Engine> =>
  name === "webkit" ? WebKitEngine.start() : PuppetEngine.start(name);
