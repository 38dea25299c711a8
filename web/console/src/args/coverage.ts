/** The parts of a tall element that have been in view at least once. */
export class Coverage {
  #seen: [number, number][] = [];

  /** Records that `from` to `to` (pixels from the top) was in view. */
  add(from: number, to: number): void {
    if (to <= from) return;
    const kept: [number, number][] = [];
    let [start, end] = [from, to];
    for (const [low, high] of this.#seen) {
      // One pixel of tolerance for layout rounding.
      if (high < start - 1 || low > end + 1) kept.push([low, high]);
      else [start, end] = [Math.min(start, low), Math.max(end, high)];
    }
    kept.push([start, end]);
    this.#seen = kept.sort((a, b) => a[0] - b[0]);
  }

  /** Clears the record, for example after a change of line breaks. */
  clear(): void {
    this.#seen = [];
  }

  /** Returns how many of the first `height` pixels were in view. */
  covered(height: number): number {
    return this.#seen.reduce((sum, [low, high]) => sum + Math.max(0, Math.min(high, height) - Math.max(low, 0)), 0);
  }

  isComplete(height: number): boolean {
    const [first] = this.#seen;
    return first !== undefined && first[0] <= 1 && first[1] >= height - 1;
  }
}
