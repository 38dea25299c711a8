/**
 * The session token across a reload and across tabs.
 *
 * `sessionStorage` belongs to one tab and ends with it. A tab that a link opened asks the other tabs of this origin, which
 * the daemon alone serves. A session only reads; each decision needs a passkey. The daemon ends it: at a lock, at its own
 * end, or after twelve hours.
 */
const KEY = "briefcase-session";
const CHANNEL = "briefcase-session";
/** Milliseconds. Another tab answers within a few; without one, this is the delay of the first page. */
const PATIENCE = 400;

/** Some browsers deny storage; then a reload ends the session. */
function storage(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}

export function keep(token: string): void {
  try {
    storage()?.setItem(KEY, token);
  } catch {
    // Full or denied: the session works without it.
  }
}

export function forget(): void {
  storage()?.removeItem(KEY);
}

export function tokenOfTab(): string | undefined {
  return storage()?.getItem(KEY) ?? undefined;
}

let shared: BroadcastChannel | undefined;

/** Gives the token to tabs of this origin that ask for it. */
export function share(token: () => string | undefined): void {
  if (shared) return;
  shared = new BroadcastChannel(CHANNEL);
  shared.onmessage = event => {
    const own = token();
    if (event.data === "ask" && own !== undefined) shared?.postMessage({ token: own });
  };
}

export function tokenOfOtherTab(): Promise<string | undefined> {
  const channel = new BroadcastChannel(CHANNEL);
  return new Promise<string | undefined>(done => {
    const timer = setTimeout(() => done(undefined), PATIENCE);
    channel.onmessage = event => {
      const { token } = Object(event.data) as { token?: unknown };
      if (typeof token !== "string") return;
      clearTimeout(timer);
      done(token);
    };
    channel.postMessage("ask");
  }).finally(() => channel.close());
}
