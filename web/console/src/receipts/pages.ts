/**
 * Pages of receipts, merged: the newest page reloads on new receipts, older pages load on demand. The daemon looks at a
 * limited number of receipts for each page, so a page may have no row although older receipts match: then the search
 * goes on by itself, and the page says how far it is.
 */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ReceiptPage, ReceiptRow } from "../generated/contract.ts";
import { asProblem, type Problem, read } from "../session/client.ts";
import { on } from "../session/events.ts";
import type { Filter } from "./filters.tsx";

const LIMIT = "50";
/** Milliseconds. The page reloads at most this often, since receipts may arrive by the thousand. */
const LOOK_EVERY = 1_000;

/** A search without a result stops after this many pages, and a button continues it. */
const LOOKS = 20;

export interface State {
  rows: ReceiptRow[];
  size?: number;
  next?: number;
  problem?: Problem;
}

export function usePages(filter: Filter) {
  const [state, setState] = useState<State>({ rows: [] });
  const [busy, setBusy] = useState(true);
  const round = useRef(0);
  const load = useCallback(
    async (before: number | undefined, again = false) => {
      const mine = round.current;
      if (!again) setBusy(true);
      await search(
        place => read<ReceiptPage>(`/v1/receipts?${query(filter, place)}`),
        before,
        (page, place) => {
          if (mine === round.current) setState(now => join(now, page, place));
          return mine === round.current && !again;
        },
      ).catch(reason => {
        if (mine === round.current) setState(now => ({ ...now, problem: asProblem(reason) }));
      });
      if (mine === round.current && !again) setBusy(false);
    },
    [filter],
  );
  useEffect(() => {
    round.current += 1;
    setState({ rows: [] });
    void load(undefined);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = on("receipts", () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void load(undefined, true);
      }, LOOK_EVERY);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [load]);
  return { ...state, busy, more: state.next !== undefined, older: () => void load(state.next) };
}

function query(filter: Filter, before: number | undefined): string {
  const wanted = Object.entries(filter).filter(([, value]) => value !== "");
  const parameters = new URLSearchParams([["limit", LIMIT], ...wanted]);
  if (before !== undefined) parameters.set("before", String(before));
  return parameters.toString();
}

/** Loads pages until one has a row. `take` gets each page and returns whether the search is still wanted. */
export async function search(
  load: (before: number | undefined) => Promise<ReceiptPage>,
  before: number | undefined,
  take: (page: ReceiptPage, before: number | undefined) => boolean,
): Promise<void> {
  let place = before;
  for (let look = 0; look < LOOKS; look++) {
    const page = await load(place);
    if (!take(page, place) || page.receipts.length > 0 || page.next === undefined) return;
    // A place that does not move would never end.
    if (place !== undefined && page.next >= place) return;
    place = page.next;
  }
}

/**
 * Older rows are appended. A newest page that does not overlap the shown rows replaces them, so that no gap is hidden.
 */
export function join(now: State, page: ReceiptPage, before: number | undefined): State {
  const next = page.next === undefined ? {} : { next: page.next };
  if (before !== undefined) return { rows: [...now.rows, ...page.receipts], size: page.size, ...next };
  // A reload finds nothing while an earlier search is further back: its place stays.
  const searched = now.rows.length === 0 && page.receipts.length === 0 && (page.next ?? 0) <= (now.size ?? -1);
  if (searched) return { rows: [], size: page.size, ...(now.next === undefined ? {} : { next: now.next }) };
  const newest = now.rows[0]?.id;
  const meets = page.receipts.findIndex(row => row.id === newest);
  if (meets < 0) return { rows: page.receipts, size: page.size, ...next };
  const rest = now.next === undefined ? {} : { next: now.next };
  return { rows: [...page.receipts.slice(0, meets), ...now.rows], size: page.size, ...rest };
}
