// Whether a person has this window before them: a window that a host opened can wait behind another one until its text
// has been up for long, and be brought forward right under a click. So what counts begins when it gets the focus.

export class FocusDelay {
  #since: number | undefined;
  readonly #lost = (): void => {
    this.#since = undefined;
  };

  constructor(readonly now: () => number = () => performance.now()) {
    window.addEventListener("blur", this.#lost);
    document.addEventListener("visibilitychange", this.#lost);
  }

  /** Milliseconds for which it has had the focus without a break, as far as it was looked at; look often. */
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
