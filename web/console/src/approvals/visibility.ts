/**
 * Checks that a person can see the buttons: the window has the focus, the page is in front, and nothing covers the
 * buttons (if the browser can detect it). Buttons outside of the window are not visible.
 */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Options of IntersectionObserver v2 in Chromium; other browsers ignore them. */
interface VisibilityInit extends IntersectionObserverInit {
  trackVisibility: boolean;
  delay: number;
}

const DELAY = 100;

export function useVisible(ref: RefObject<HTMLElement | null>): boolean {
  const front = useFront();
  const clear = useUncovered(ref);
  return front && clear;
}

function useFront(): boolean {
  const look = () => document.hasFocus() && document.visibilityState === "visible";
  const [front, setFront] = useState(look);
  useEffect(() => {
    const update = () => setFront(look());
    for (const name of ["focus", "blur", "visibilitychange"]) addEventListener(name, update, { capture: true });
    const timer = setInterval(update, 500);
    return () => {
      for (const name of ["focus", "blur", "visibilitychange"]) removeEventListener(name, update, { capture: true });
      clearInterval(timer);
    };
  }, []);
  return front;
}

function useUncovered(ref: RefObject<HTMLElement | null>): boolean {
  const [clear, setClear] = useState(true);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const init: VisibilityInit = { threshold: [0, 0.5, 1], trackVisibility: true, delay: DELAY };
    const observer = new IntersectionObserver(entries => {
      const entry = entries.at(-1) as (IntersectionObserverEntry & { isVisible?: boolean }) | undefined;
      if (entry) setClear(entry.isVisible ?? entry.isIntersecting);
    }, init);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return clear;
}
