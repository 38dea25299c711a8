// What sealed rows are bound to, in one place: strong mode moves them, sessions read them.

import type { Kid } from "../../../../protocol/src/index.ts";

export const prekeysContext = (kid: Kid): string => `prekeys ${kid}`;
export const sessionContext = (id: string): string => `session ${id}`;
