// The few elements of the enclave's pages. Text is never parsed as markup.

export function element<N extends keyof HTMLElementTagNameMap>(
  name: N,
  text: string,
  className = "",
): HTMLElementTagNameMap[N] {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

/** Replaces the page with these elements. */
export function show(...elements: readonly HTMLElement[]): void {
  document.body.replaceChildren(...elements);
}
