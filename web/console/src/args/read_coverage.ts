/** Checks that a person can have read an element: every part of it was in the window once. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Coverage } from "./coverage.ts";

export interface ReadCoverage {
  all: boolean;
  percent: number;
}

/** `complete`: no part of the element is collapsed. */
export function useReadCoverage(ref: RefObject<HTMLElement | null>, complete: boolean): ReadCoverage {
  const [seen, setSeen] = useState<ReadCoverage>({ all: false, percent: 0 });
  const coverage = useRef(new Coverage());
  const width = useRef(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    let frame = 0;
    const look = () => {
      frame = 0;
      const next = measure(element, coverage.current, width, complete);
      setSeen(now => (now.all === next.all && now.percent === next.percent ? now : next));
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    const resized = new ResizeObserver(soon);
    resized.observe(element);
    for (const name of ["scroll", "resize", "focus", "visibilitychange"])
      addEventListener(name, soon, { capture: true });
    soon();
    return () => {
      cancelAnimationFrame(frame);
      resized.disconnect();
      for (const name of ["scroll", "resize", "focus", "visibilitychange"])
        removeEventListener(name, soon, { capture: true });
    };
  }, [ref, complete]);
  return seen;
}

function measure(
  element: HTMLElement,
  coverage: Coverage,
  width: { current: number },
  complete: boolean,
): ReadCoverage {
  const box = element.getBoundingClientRect();
  // New line breaks move the text, so earlier coverage is invalid.
  if (Math.abs(box.width - width.current) > 1) coverage.clear();
  width.current = box.width;
  if (document.visibilityState === "visible") {
    coverage.add(Math.max(0, -box.top), Math.min(box.height, readableTo(element) - box.top));
  }
  const all = complete && coverage.isComplete(box.height);
  const percent = Math.floor((100 * coverage.covered(box.height)) / Math.max(1, box.height));
  return { all, percent: all ? 100 : Math.min(99, percent) };
}

/** The lowest visible pixel: the bar of decisions may stick to the bottom of the window, over the arguments. */
function readableTo(element: HTMLElement): number {
  const bar = element.closest("article")?.querySelector(".actions:not([hidden])");
  return Math.min(innerHeight, bar?.getBoundingClientRect().top ?? innerHeight);
}
