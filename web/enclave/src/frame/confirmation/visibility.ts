// The visibility of this frame to the user: not covered, not transparent, not clipped. Only IntersectionObserver v2
// reports it. Without it, the frame takes no confirmation.

interface Version2 extends IntersectionObserverEntry {
  readonly isVisible?: boolean;
}

export function canDetectVisibility(): boolean {
  return typeof IntersectionObserverEntry === "function" && "isVisible" in IntersectionObserverEntry.prototype;
}

/** Watches an element; `since` is the time at which it became fully visible. */
export class VisibilityTracker {
  #since: number | undefined;
  readonly #observer: IntersectionObserver;

  constructor(element: Element, changed: () => void) {
    const options = { threshold: [0, 0.5, 1], trackVisibility: true, delay: 100 };
    this.#observer = new IntersectionObserver(entries => {
      const last = entries.at(-1) as Version2 | undefined;
      const seen = last?.isVisible === true && last.intersectionRatio >= 0.99;
      this.#since = seen ? (this.#since ?? performance.now()) : undefined;
      changed();
    }, options);
    this.#observer.observe(element);
  }

  /** Milliseconds of uninterrupted visibility. */
  get duration(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since;
  }

  stop(): void {
    this.#observer.disconnect();
  }
}
