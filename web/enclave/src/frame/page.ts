// The few elements that the enclave's pages are made of. Text is only ever text.

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

/** Shows these and nothing else. */
export function show(...elements: readonly HTMLElement[]): void {
  document.body.replaceChildren(...elements);
}
