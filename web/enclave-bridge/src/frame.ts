// The enclave's frame: out of sight until a person is asked, then on top of everything in a modal dialog, because the
// enclave takes an answer only where it is wholly visible.

import type { VerifiedRelease } from "./release.ts";

/** Whether this browser lets a page demand a policy of a frame. Where it does not, a hash can only be checked from outside. */
export const enforcesPolicies = (): boolean => "csp" in HTMLIFrameElement.prototype;

export class EnclaveFrame {
  readonly dialog = document.createElement("dialog");
  readonly #frame = document.createElement("iframe");
  readonly #title = document.createElement("p");
  #asked = false;

  constructor(
    readonly url: URL,
    readonly release: VerifiedRelease,
  ) {
    const frame = this.#frame;
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin");
    frame.setAttribute("csp", release.policy);
    frame.allow = ["create", "get"].map(what => `publickey-credentials-${what} ${url.origin}`).join("; ");
    frame.title = `Key enclave of ${url.host}`;
    frame.referrerPolicy = "no-referrer";
    // Only through the object model: it works under a policy without inline styles.
    Object.assign(frame.style, { display: "block", border: "0", maxWidth: "100%" });
    this.#title.textContent = `${url.host} asks you:`;
    Object.assign(this.#title.style, { margin: "0", padding: "10px 14px", font: "600 14px/1.4 system-ui, sans-serif" });
    Object.assign(this.dialog.style, {
      padding: "0",
      border: "1px solid #8c8a82",
      borderRadius: "10px",
      maxWidth: "96vw",
    });
    this.dialog.setAttribute("aria-label", `Question of the key enclave ${url.host}`);
    this.dialog.append(this.#title, frame);
    // Escape would hide a question that still waits; the frame has a button that says no.
    this.dialog.addEventListener("cancel", event => event.preventDefault());
  }

  /** Puts it into the page and starts loading. `loaded` runs for each document that the frame loads. */
  attach(container: Element, loaded: () => void): void {
    this.#frame.addEventListener("load", loaded);
    this.#frame.src = this.url.href;
    container.append(this.dialog);
  }

  get window(): Window | null {
    return this.#frame.contentWindow;
  }

  /** Whether this is the element's frame; a moved or removed one has another window or none. */
  owns(source: MessageEventSource | null): boolean {
    return source !== null && source === this.#frame.contentWindow;
  }

  show(width: number, height: number): void {
    this.#asked = true;
    Object.assign(this.#frame.style, { width: `${width}px`, height: `${height}px`, maxHeight: "86vh" });
    this.reveal();
  }

  /** Shows a question that waits, once more. */
  reveal(): void {
    if (!this.#asked || this.dialog.open) return;
    this.dialog.showModal();
    this.#frame.focus();
  }

  hide(): void {
    this.#asked = false;
    if (this.dialog.open) this.dialog.close();
  }

  remove(): void {
    this.hide();
    this.dialog.remove();
  }
}
