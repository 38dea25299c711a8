/**
 * The delay before a button works. It restarts whenever an element moved under the pointer, so a click meant for the
 * earlier element has no effect.
 */
import { useEffect, useState } from "preact/hooks";

export const CLICK_DELAY = 300;
export const CLICK_DELAY_HIGH = 1_000;

/** A change of `cause` restarts the delay. */
export function useClickDelay(rest: number, cause: string): boolean {
  const [clickable, setClickable] = useState<string>();
  useEffect(() => {
    setClickable(undefined);
    const timer = setTimeout(() => setClickable(cause), rest);
    return () => clearTimeout(timer);
  }, [rest, cause]);
  return clickable === cause;
}
