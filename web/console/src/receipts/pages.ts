/** Pages of receipts, merged: the newest page reloads on new receipts, older pages load on demand. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ReceiptPage, ReceiptRow } from "../generated/contract.ts";
import { asProblem, type Problem, read } from "../session/client.ts";
import { on } from "../session/events.ts";
import type { Filter } from "./filters.tsx";

const LIMIT = "50";
/** Milliseconds. The page reloads at most this often, since receipts may arrive by the thousand. */
const LOOK_EVERY = 1_000;

interface State {
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
    async (before: number | undefined) => {
      const mine = round.current;
      setBusy(true);
      const page = await read<ReceiptPage>(`/v1/receipts?${query(filter, before)}`).catch(asProblem);
      if (mine !== round.current) return;
      setBusy(false);
      setState(now => ("receipts" in page ? join(now, page, before) : { ...now, problem: page }));
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
        void load(undefined);
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

/**
 * Older rows are appended. A newest page that does not overlap the shown rows replaces them, so that no gap is hidden.
 */
export function join(now: State, page: ReceiptPage, before: number | undefined): State {
  const next = page.next === undefined ? {} : { next: page.next };
  if (before !== undefined) return { rows: [...now.rows, ...page.receipts], size: page.size, ...next };
  const newest = now.rows[0]?.id;
  const meets = page.receipts.findIndex(row => row.id === newest);
  if (meets < 0) return { rows: page.receipts, size: page.size, ...next };
  const rest = now.next === undefined ? {} : { next: now.next };
  return { rows: [...page.receipts.slice(0, meets), ...now.rows], size: page.size, ...rest };
}
