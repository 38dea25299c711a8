/** Which parts of something tall have been in view at least once. */
export class Coverage {
  #seen: [number, number][] = [];

  /** Takes in that `from` to `to` (in pixels from the top) was in view. */
  add(from: number, to: number): void {
    if (to <= from) return;
    const kept: [number, number][] = [];
    let [start, end] = [from, to];
    for (const [low, high] of this.#seen) {
      // A pixel of tolerance: layout rounds.
      if (high < start - 1 || low > end + 1) kept.push([low, high]);
      else [start, end] = [Math.min(start, low), Math.max(end, high)];
    }
    kept.push([start, end]);
    this.#seen = kept.sort((a, b) => a[0] - b[0]);
  }

  /** Forgets everything, as when the lines were broken anew. */
  clear(): void {
    this.#seen = [];
  }

  /** How many of the first `height` pixels were in view. */
  covered(height: number): number {
    return this.#seen.reduce((sum, [low, high]) => sum + Math.max(0, Math.min(high, height) - Math.max(low, 0)), 0);
  }

  isComplete(height: number): boolean {
    const [first] = this.#seen;
    return first !== undefined && first[0] <= 1 && first[1] >= height - 1;
  }
}
