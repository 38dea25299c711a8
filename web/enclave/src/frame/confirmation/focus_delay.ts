// The time for which this popup has had the focus. A host can open a popup behind another window, wait until its text
// was shown for long, and raise it under a click. So the time counts from the moment of focus.

export class FocusDelay {
  #since: number | undefined;
  readonly #lost = (): void => {
    this.#since = undefined;
  };

  constructor(readonly now: () => number = () => performance.now()) {
    window.addEventListener("blur", this.#lost);
    document.addEventListener("visibilitychange", this.#lost);
  }

  /** Milliseconds of uninterrupted focus. Changes are detected only when this getter runs, so call it often. */
  get duration(): number {
    const here = document.hasFocus() && document.visibilityState === "visible";
    this.#since = here ? (this.#since ?? this.now()) : undefined;
    return this.#since === undefined ? 0 : this.now() - this.#since;
  }

  stop(): void {
    window.removeEventListener("blur", this.#lost);
    document.removeEventListener("visibilitychange", this.#lost);
  }
}
