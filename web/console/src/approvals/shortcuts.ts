/** The keyboard shortcuts of the approvals page. No key allows anything: `a` only moves the focus to the decisions. */
import { useEffect } from "preact/hooks";

function cards(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("article[data-question]")];
}

function move(by: number): void {
  const all = cards();
  const now = all.findIndex(card => card.contains(document.activeElement));
  const next = all[now < 0 ? 0 : Math.min(all.length - 1, Math.max(0, now + by))];
  next?.focus();
  next?.scrollIntoView({ block: "start", behavior: "instant" });
}

function currentCard(): HTMLElement | undefined {
  const all = cards();
  return all.find(card => card.contains(document.activeElement)) ?? (all.length === 1 ? all[0] : undefined);
}

const KEYS: Record<string, () => void> = {
  j: () => move(1),
  k: () => move(-1),
  a: () => currentCard()?.querySelector<HTMLElement>(".actions button:not(:disabled)")?.focus(),
  d: () => currentCard()?.querySelector<HTMLElement>(".actions .deny:not(:disabled)")?.click(),
};

export const SHORTCUT_HELP: readonly [string, string][] = [
  ["j", "next request"],
  ["k", "previous request"],
  ["d", "deny the focused request"],
  ["a", "move to its decisions (press one with Space; Enter has no effect)"],
  ["?", "show this help"],
];

export function useShortcuts(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const act = KEYS[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, select, textarea, [contenteditable]");
}
