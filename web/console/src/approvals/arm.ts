/**
 * The moment of rest before a button can be pressed. It starts anew whenever something moved under the pointer, so a
 * press that was meant for what stood there before does nothing.
 */
import { useEffect, useState } from "preact/hooks";

export const REST = 300;
export const REST_HIGH = 1_000;

/** `cause` is anything whose change starts the rest anew. */
export function useArmed(rest: number, cause: string): boolean {
  const [armed, setArmed] = useState<string>();
  useEffect(() => {
    setArmed(undefined);
    const timer = setTimeout(() => setArmed(cause), rest);
    return () => clearTimeout(timer);
  }, [rest, cause]);
  return armed === cause;
}
