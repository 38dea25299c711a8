// What sealed rows are bound to, in one place: strong mode moves them, sessions read them.

import type { Kid } from "../../../../protocol/src/index.ts";

export const aboutPrekeys = (kid: Kid): string => `prekeys ${kid}`;
export const aboutSession = (id: string): string => `session ${id}`;
