// Versions of the store. A new release adds a step and never changes an old one, so that keys survive every update;
// a store that a newer release has written is left alone.

import { TABLES } from "./rows.ts";

type Step = (database: IDBDatabase) => void;

const STEPS: readonly Step[] = [
  database => {
    for (const table of TABLES) database.createObjectStore(table);
  },
];

export const VERSION = STEPS.length;

/** Brings a store from one version to the newest, inside the transaction of the upgrade. */
export function upgrade(database: IDBDatabase, from: number): void {
  for (const step of STEPS.slice(from)) step(database);
}
