// Whether a person really sees this frame: not covered, not transparent, not cut off. Only IntersectionObserver v2
// tells; a frame without it cannot know, and then no gesture is taken in a frame.

interface Version2 extends IntersectionObserverEntry {
  readonly isVisible?: boolean;
}

export function canDetectVisibility(): boolean {
  return typeof IntersectionObserverEntry === "function" && "isVisible" in IntersectionObserverEntry.prototype;
}

/** Watches an element; `since` is when it was last known to have become wholly visible. */
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

  /** Milliseconds for which it has been visible without a break. */
  get duration(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since;
  }

  stop(): void {
    this.#observer.disconnect();
  }
}
