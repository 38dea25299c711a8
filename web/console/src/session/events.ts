/**
 * The event stream of the daemon. `EventSource` cannot send a header, so the stream is read with fetch. While it is
 * down, the page polls every few seconds, so that no request is missed.
 */
import { isOpen, send } from "./client.ts";

export type Topic = "approvals" | "authority" | "receipts";
const TOPICS: readonly Topic[] = ["approvals", "authority", "receipts"];

export type Liveness = "live" | "polling";

const POLL_EVERY = 4_000;
const WAIT_FIRST = 500;
const WAIT_MAX = 15_000;

type Listener = () => void;
const listeners = new Map<Topic, Set<Listener>>(TOPICS.map(topic => [topic, new Set()]));

/** Calls `listener` whenever `topic` may have changed. Returns a function that unsubscribes. */
export function on(topic: Topic, listener: Listener): () => void {
  listeners.get(topic)?.add(listener);
  return () => listeners.get(topic)?.delete(listener);
}

function notify(topic: Topic): void {
  for (const listener of listeners.get(topic) ?? []) listener();
}

/** Follows the daemon's events until the session ends. */
export async function follow(changed: (liveness: Liveness) => void): Promise<void> {
  let wait = WAIT_FIRST;
  let poll: ReturnType<typeof setInterval> | undefined;
  while (isOpen()) {
    try {
      const answer = await send("GET", "/v1/events");
      clearInterval(poll);
      poll = undefined;
      wait = WAIT_FIRST;
      changed("live");
      TOPICS.forEach(notify);
      await drain(answer);
    } catch {
      // The next round retries; listeners poll meanwhile.
    }
    changed("polling");
    poll ??= setInterval(() => TOPICS.forEach(notify), POLL_EVERY);
    await new Promise(resume => setTimeout(resume, wait));
    wait = Math.min(wait * 2, WAIT_MAX);
  }
  clearInterval(poll);
}

async function drain(answer: Response): Promise<void> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) handle(line);
  }
}

/** Events carry no data: their name is the topic to reload. */
function handle(line: string): void {
  const name = /^event:\s?(.*)$/.exec(line)?.[1];
  const topic = TOPICS.find(known => known === name);
  if (topic) notify(topic);
}
