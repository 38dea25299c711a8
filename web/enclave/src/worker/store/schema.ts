// The versions of the store. A new release adds a step and never changes an old one, so keys survive every update. A
// store written by a newer release stays untouched.

import { TABLES } from "./rows.ts";

type Step = (database: IDBDatabase) => void;

const STEPS: readonly Step[] = [
  database => {
    for (const table of TABLES) database.createObjectStore(table);
  },
];

export const VERSION = STEPS.length;

/** Upgrades a store to the newest version, inside the upgrade transaction. */
export function upgrade(database: IDBDatabase, from: number): void {
  for (const step of STEPS.slice(from)) step(database);
}
