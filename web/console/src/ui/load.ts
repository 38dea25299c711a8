/** Data of the daemon, reloaded on each notification of a change. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem, read } from "../session/client.ts";
import { on, type Topic } from "../session/events.ts";

export interface Loaded<T> {
  data: T | undefined;
  problem: Problem | undefined;
  reload: () => Promise<void>;
}

export function useLoad<T>(path: string | undefined, topic?: Topic): Loaded<T> {
  const [state, setState] = useState<{ path?: string; data?: T; problem?: Problem }>({});
  const latest = useRef(0);
  const reload = useCallback(async () => {
    if (path === undefined) return;
    const mine = ++latest.current;
    const next = await read<T>(path).then(
      data => ({ path, data }),
      reason => ({ path, problem: asProblem(reason) }),
    );
    // A slow response never replaces a newer one. On an error, earlier data stays visible.
    if (mine !== latest.current) return;
    setState(now => ("data" in next || now.path !== path ? next : { ...now, ...next }));
  }, [path]);
  useEffect(() => {
    void reload();
    return topic ? on(topic, () => void reload()) : undefined;
  }, [reload, topic]);
  return { data: state.path === path ? state.data : undefined, problem: state.problem, reload };
}
