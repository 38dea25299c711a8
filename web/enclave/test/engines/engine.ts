// The operations of an engine in a test. Code for pages is a function's text: it runs there, with one JSON argument.

export type EngineName = "chromium" | "firefox" | "webkit";

/** A tab. Code runs in the host page or in the enclave's frame. */
export interface Tab {
  goto(url: string): Promise<void>;
  /** Brings the tab to the front. */
  front(): Promise<void>;
  run<R>(code: string, argument?: unknown): Promise<R>;
  /** Runs code in the enclave's frame, as only a debugger can. */
  inFrame<R>(code: string, argument?: unknown): Promise<R>;
  /** Performs a trusted click on the element, in the frame, the page, or the newest popup. */
  click(selector: string, where: "page" | "frame" | "window"): Promise<void>;
  type(selector: string, text: string, where: "frame" | "window"): Promise<void>;
  /** Returns the text of the element as soon as it exists. */
  text(selector: string, where: "page" | "frame" | "window"): Promise<string>;
  close(): Promise<void>;
}

export interface Engine {
  readonly name: EngineName;
  /** True if the profile survives a restart. */
  readonly restarts: boolean;
  open(): Promise<Tab>;
  /** Restarts the browser with the same profile. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds. The limit for anything that must happen; slow machines need it. */
export const TIMEOUT = 90_000;

/** Waits until the condition is true. */
export async function until(what: string, holds: () => Promise<boolean>, limit = TIMEOUT): Promise<void> {
  const end = Date.now() + limit;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
