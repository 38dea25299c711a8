// The contexts that sealed rows are bound to. Strong mode reseals the rows; sessions open them.

import type { Kid } from "../../../../protocol/src/index.ts";

export const prekeysContext = (kid: Kid): string => `prekeys ${kid}`;
export const sessionContext = (id: string): string => `session ${id}`;
