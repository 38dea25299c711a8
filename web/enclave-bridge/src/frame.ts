// The enclave's frame. It is hidden until a confirmation, then shown in a modal dialog, because the enclave accepts
// consent only in a fully visible frame.

import type { VerifiedRelease } from "./release.ts";

/**
 * True if this browser can enforce a required policy on a frame. Otherwise the hash can only be checked from outside.
 */
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
    // Styles are set through the object model, which works under a policy without inline styles.
    Object.assign(frame.style, { display: "block", border: "0", maxWidth: "100%" });
    this.#title.textContent = `Request from ${url.host}:`;
    Object.assign(this.#title.style, { margin: "0", padding: "10px 14px", font: "600 14px/1.4 system-ui, sans-serif" });
    Object.assign(this.dialog.style, {
      padding: "0",
      border: "1px solid #8c8a82",
      borderRadius: "10px",
      maxWidth: "96vw",
    });
    this.dialog.setAttribute("aria-label", `Confirmation request of the key enclave ${url.host}`);
    this.dialog.append(this.#title, frame);
    // Escape would hide a pending confirmation; the frame has its own cancel button.
    this.dialog.addEventListener("cancel", event => event.preventDefault());
  }

  /** Adds the frame to the page and starts loading. `loaded` runs for each document that the frame loads. */
  attach(container: Element, loaded: () => void): void {
    this.#frame.addEventListener("load", loaded);
    this.#frame.src = this.url.href;
    container.append(this.dialog);
  }

  get window(): Window | null {
    return this.#frame.contentWindow;
  }

  /** Checks that a message came from this frame. A moved or removed frame has another window or no window. */
  owns(source: MessageEventSource | null): boolean {
    return source !== null && source === this.#frame.contentWindow;
  }

  show(width: number, height: number): void {
    this.#asked = true;
    Object.assign(this.#frame.style, { width: `${width}px`, height: `${height}px`, maxHeight: "86vh" });
    this.reveal();
  }

  /** Shows a pending confirmation again. */
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
