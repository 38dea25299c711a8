// What every engine can do for a test. Code for pages is a function's text: it runs there, with one JSON argument.

export type EngineName = "chromium" | "firefox" | "webkit";

/** Where a code runs: the host page itself, or the enclave's frame in it. */
export interface Tab {
  goto(url: string): Promise<void>;
  /** Brings the tab before the person. */
  front(): Promise<void>;
  run<R>(code: string, argument?: unknown): Promise<R>;
  /** In the enclave's frame, as only a debugger can. */
  inFrame<R>(code: string, argument?: unknown): Promise<R>;
  /** A trusted click, where the element is. `in` the frame, the page, or the newest window. */
  click(selector: string, where: "page" | "frame" | "window"): Promise<void>;
  type(selector: string, text: string, where: "frame" | "window"): Promise<void>;
  /** Text of the element, once it is there. */
  text(selector: string, where: "page" | "frame" | "window"): Promise<string>;
  close(): Promise<void>;
}

export interface Engine {
  readonly name: EngineName;
  /** Whether a profile outlives the browser. */
  readonly restarts: boolean;
  open(): Promise<Tab>;
  /** Ends the browser and starts it with the same profile. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** How long anything may take that has to happen. A limit and not a wait: the machine may be a slow one. */
export const TIMEOUT = 90_000;

/** Waits until it is so. */
export async function until(what: string, holds: () => Promise<boolean>, limit = TIMEOUT): Promise<void> {
  const end = Date.now() + limit;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
