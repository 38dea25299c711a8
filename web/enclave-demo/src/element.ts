// Creates elements. Text is never parsed as markup.

export type Content = Node | string;

export function el<N extends keyof HTMLElementTagNameMap>(
  name: N,
  attributes: Readonly<Record<string, string>> = {},
  ...content: readonly Content[]
): HTMLElementTagNameMap[N] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...content);
  return element;
}

/** Fills a description list with names and values. */
export function facts(into: HTMLElement, of: Readonly<Record<string, Content>>): void {
  into.replaceChildren(...Object.entries(of).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

export const mono = (text: string): HTMLElement => el("code", {}, text);

/** A shortened key id. */
export const short = (kid: string): string => `${kid.slice(0, 8)}…`;
