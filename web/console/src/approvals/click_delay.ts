/**
 * The moment of rest before a button can be pressed. It starts anew whenever something moved under the pointer, so a
 * press that was meant for what stood there before does nothing.
 */
import { useEffect, useState } from "preact/hooks";

export const CLICK_DELAY = 300;
export const CLICK_DELAY_HIGH = 1_000;

/** `cause` is anything whose change starts the rest anew. */
export function useClickDelay(rest: number, cause: string): boolean {
  const [clickable, setClickable] = useState<string>();
  useEffect(() => {
    setClickable(undefined);
    const timer = setTimeout(() => setClickable(cause), rest);
    return () => clearTimeout(timer);
  }, [rest, cause]);
  return clickable === cause;
}
