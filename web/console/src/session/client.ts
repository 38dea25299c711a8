/**
 * The client of the admin API.
 *
 * Invariant: the session token is only in this module and in `kept.ts`, never in a cookie or address. It leaves only as
 * the `Authorization` header of same-origin requests.
 */
import type { ConsoleSession, Problem as ProblemBody } from "../generated/contract.ts";
import { forget, keep, share, tokenOfOtherTab, tokenOfTab } from "./kept.ts";

let token: string | undefined;
let whenExpired: () => void = () => {};

/** An error, in the daemon's words. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly nextStep: string,
  ) {
    super(message);
  }
}

/** Exchanges the one-time code for a session. */
export async function open(code: string): Promise<void> {
  const answer = await send("POST", "/v1/console/session", { code });
  begin(((await answer.json()) as ConsoleSession).token);
}

/**
 * Continues the session that this tab had before a reload, or the session of another tab. Returns `ended` if the daemon
 * ended this tab's session, and `absent` if no tab has a session.
 */
export async function resume(): Promise<"open" | "ended" | "absent"> {
  const own = tokenOfTab();
  if (own !== undefined && (await isValid(own))) return "open";
  const other = await tokenOfOtherTab();
  if (other !== undefined && (await isValid(other))) return "open";
  return own === undefined ? "absent" : "ended";
}

async function isValid(found: string): Promise<boolean> {
  token = found;
  try {
    await read("/v1/status");
  } catch (reason) {
    // `send` removes the token that the daemon rejects. On another error, the session may still be valid.
    if (token !== undefined) throw reason;
    return false;
  }
  begin(found);
  return true;
}

function begin(own: string): void {
  token = own;
  keep(own);
  share(() => token);
}

export function isOpen(): boolean {
  return token !== undefined;
}

/** Calls `listener` when the daemon ends this session. */
export function onExpired(listener: () => void): void {
  whenExpired = listener;
}

export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await send("GET", path, undefined, signal)).json()) as T;
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  return (await (await send("POST", path, body)).json()) as T;
}

export async function text(path: string): Promise<string> {
  return (await send("GET", path)).text();
}

/** Returns the raw response, for streams. */
export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = {};
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const request: RequestInit = { method, headers, credentials: "omit", cache: "no-store", redirect: "error" };
  if (body !== undefined) request.body = JSON.stringify(body);
  if (signal) request.signal = signal;
  const answer = await fetch(path, request).catch(reason => {
    if (signal?.aborted) throw reason;
    throw new Problem("unreachable", "Briefcase does not respond.", "Is `briefcased` running? See `briefcase status`.");
  });
  if (answer.ok) return answer;
  if (answer.status === 401 && token !== undefined) {
    token = undefined;
    forget();
    whenExpired();
  }
  throw await problem(answer);
}

async function problem(answer: Response): Promise<Problem> {
  const body = (await answer.json().catch(() => ({}))) as Partial<ProblemBody>;
  return new Problem(
    body.code ?? "unknown",
    body.message ?? `The daemon returned status ${answer.status}.`,
    body.next_step ?? "",
  );
}

/** Converts a thrown value to a problem that can be shown. */
export function asProblem(reason: unknown): Problem {
  if (reason instanceof Problem) return reason;
  return new Problem("unknown", reason instanceof Error ? reason.message : String(reason), "");
}
