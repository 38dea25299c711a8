// Makes elements. Text goes in as text: nothing on this page is ever read as markup.

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

/** Names and values, as a list of both. */
export function facts(into: HTMLElement, of: Readonly<Record<string, Content>>): void {
  into.replaceChildren(...Object.entries(of).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

export const mono = (text: string): HTMLElement => el("code", {}, text);

/** A kid, as a person can compare it. */
export const short = (kid: string): string => `${kid.slice(0, 8)}…`;
