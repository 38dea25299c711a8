// `<briefcase-enclave-status>`: shows the verification state of the enclave to the user.
//
// Invariant: every word comes from the bridge's own checks, as text. The frame is another document in another place of
// the page, the shadow root is closed, and no message of the enclave reaches this element.

import type { Enclave } from "../enclave.ts";
import { mayAsk, type Snapshot } from "../state.ts";
import { style } from "./style.ts";
import { describe, signerText, witnessText } from "./words.ts";

function made<N extends keyof HTMLElementTagNameMap>(name: N, text = "", className = ""): HTMLElementTagNameMap[N] {
  const element = document.createElement(name);
  element.textContent = text;
  if (className !== "") element.className = className;
  return element;
}

function button(text: string, className: string, click: () => void): HTMLButtonElement {
  const element = made("button", text, className);
  element.type = "button";
  element.addEventListener("click", click);
  return element;
}

const SIGNS = { good: "✓", plain: "…", warn: "!", bad: "✕" } as const;
const short = (hash: string) => `${hash.slice(0, 8)}…${hash.slice(-8)}`;

export class EnclaveStatus extends HTMLElement {
  #enclave: Enclave | undefined;
  #full = false;
  #busy = false;
  readonly #changed = () => this.#show();
  readonly #box = made("section");
  readonly #sign = made("span", "", "sign");
  readonly #title = made("h2");
  readonly #text = made("p");
  readonly #said = made("p");
  readonly #hash = made("code");
  readonly #more = button("Show full", "small", () => this.#toggle());
  readonly #copy = button("Copy", "small", () => void this.#copied());
  readonly #signer = made("span");
  readonly #when = made("span");
  readonly #by = made("span");
  readonly #release = made("span");
  readonly #facts = made("dl");
  readonly #answer = button("Show the request", "first", () => this.#enclave?.showQuestion());
  readonly #verify = button("Verify", "", () => void this.#verified());
  readonly #source = made("a", "View source");

  constructor() {
    super();
    const root = this.attachShadow({ mode: "closed" });
    root.adoptedStyleSheets = [style()];
    this.#sign.setAttribute("aria-hidden", "true");
    this.#title.id = "title";
    this.#box.setAttribute("aria-labelledby", "title");
    const liveRegion = made("div");
    liveRegion.setAttribute("role", "status");
    const state = made("div", "", "state");
    state.append(this.#sign, this.#title);
    liveRegion.append(state, this.#text, this.#said);
    this.#more.setAttribute("aria-expanded", "false");
    this.#more.setAttribute("aria-label", "Show full hash");
    this.#copy.setAttribute("aria-label", "Copy full hash");
    Object.assign(this.#source, { target: "_blank", rel: "noopener noreferrer" });
    const row = made("div", "", "row");
    row.append(this.#answer, this.#verify, this.#source);
    this.#box.append(liveRegion, this.#facts, row);
    root.append(this.#box);
    this.#line("Hash", this.#hash, this.#more, this.#copy);
    this.#line("Signed by", this.#signer);
    this.#line("Verified", this.#when);
    this.#line("Witnesses", this.#by);
    this.#line("Release", this.#release);
  }

  get enclave(): Enclave | undefined {
    return this.#enclave;
  }

  set enclave(enclave: Enclave | undefined) {
    this.#enclave?.removeEventListener("change", this.#changed);
    this.#enclave = enclave;
    enclave?.addEventListener("change", this.#changed);
    this.#show();
  }

  connectedCallback(): void {
    this.#show();
  }

  #line(name: string, ...values: readonly HTMLElement[]): void {
    const value = made("dd");
    value.append(...values);
    this.#facts.append(made("dt", name), value);
  }

  #show(): void {
    const at = this.#enclave?.snapshot;
    this.#box.hidden = at === undefined;
    if (at === undefined) return;
    const words = describe(at);
    this.#box.dataset["tone"] = words.tone;
    put(this.#sign, SIGNS[words.tone]);
    put(this.#title, `Key enclave: ${words.title}`);
    put(this.#text, words.text);
    this.#showFacts(at);
    this.#answer.hidden = at.state !== "needs-gesture";
    put(this.#answer, at.question === "window" ? "Open the confirmation window" : "Show the request");
    put(this.#verify, mayAsk(at) ? "Verify" : "Verify and load");
    this.#verify.setAttribute("aria-disabled", String(this.#busy || at.state === "checking"));
  }

  #showFacts(at: Snapshot): void {
    const { release } = at;
    this.#facts.hidden = release === undefined;
    this.#source.hidden = release === undefined;
    if (release === undefined) return;
    put(this.#hash, this.#full ? release.sha256 : short(release.sha256));
    put(this.#signer, signerText(at));
    const logged = release.loggedAt === undefined ? "" : `; signed ${time(release.loggedAt * 1000)}`;
    put(this.#when, `${time(release.at)}${logged}`);
    row(this.#by, witnessText(at));
    row(
      this.#release,
      release.version === undefined
        ? ""
        : `${release.version}, ${release.status}; commit ${release.commit?.slice(0, 12)}`,
    );
    this.#source.href = sourceOf(this.getAttribute("repository"), release.commit) ?? release.moduleUrl;
  }

  #toggle(): void {
    this.#full = !this.#full;
    this.#more.setAttribute("aria-expanded", String(this.#full));
    this.#more.textContent = this.#full ? "Show short" : "Show full";
    this.#more.setAttribute("aria-label", this.#full ? "Show short hash" : "Show full hash");
    this.#show();
  }

  async #copied(): Promise<void> {
    const hash = this.#enclave?.snapshot.release?.sha256 ?? "";
    const done = await navigator.clipboard?.writeText(hash).then(
      () => true,
      () => false,
    );
    if (done !== true && !this.#full) this.#toggle();
    this.#said.textContent =
      done === true ? "Hash copied." : "This browser did not allow copying. The full hash is shown.";
  }

  async #verified(): Promise<void> {
    const enclave = this.#enclave;
    if (enclave === undefined || this.#busy || enclave.snapshot.state === "checking") return;
    this.#busy = true;
    this.#said.textContent = "";
    this.#show();
    const good = await enclave.verify().then(
      at => mayAsk(at) && at.notice === undefined,
      () => false,
    );
    this.#busy = false;
    this.#show();
    if (good) this.#said.textContent = `Verified again at ${new Date().toLocaleTimeString()}.`;
  }
}

/** Writes only changed text, so that a screen reader announces only changes. */
function put(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Hides a row without a value. */
function row(value: HTMLElement, text: string): void {
  put(value, text);
  const cell = value.parentElement;
  const name = cell?.previousElementSibling;
  if (cell !== null) cell.hidden = text === "";
  if (name instanceof HTMLElement) name.hidden = text === "";
}

/** Returns the commit's address in the host's repository. Accepts only https and a valid commit hash. */
function sourceOf(repository: string | null, commit: string | undefined): string | undefined {
  if (repository === null || !repository.startsWith("https://")) return undefined;
  const good = /^[0-9a-f]{40,64}$/.test(commit ?? "");
  return good ? `${repository.replace(/\/$/, "")}/tree/${commit}` : undefined;
}

const time = (milliseconds: number): string =>
  new Date(milliseconds).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

export function defineEnclaveStatus(): void {
  if (customElements.get("briefcase-enclave-status") === undefined) {
    customElements.define("briefcase-enclave-status", EnclaveStatus);
  }
}
