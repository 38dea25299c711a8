// Confirmation in a popup, for engines where a frame cannot detect that it is covered. The host opens this page's
// address in a popup. The popup finds the enclave's frame among its opener's frames and talks to it over the same
// origin.

import { GESTURE } from "../../../../protocol/src/index.ts";
import type { ConfirmationRequest, ConfirmationResult } from "../../frame_messages.ts";
import { element, show } from "../page.ts";
import { showConfirmation } from "./confirmation_page.ts";
import { consent } from "./confirmation_queue.ts";

const HELLO = "briefcase-window";

/** Runs in the frame: waits for the popup and sends it the request. */
export function confirmInPopup(ask: ConfirmationRequest): Promise<ConfirmationResult> {
  return new Promise(resolve => {
    const received = (event: MessageEvent<unknown>): void => {
      const [port] = event.ports;
      if (event.origin !== location.origin || event.data !== HELLO || port === undefined) return;
      window.removeEventListener("message", received);
      clearTimeout(timeout);
      port.onmessage = (answer: MessageEvent<ConfirmationResult>) => {
        port.close();
        resolve(answer.data);
      };
      port.postMessage(ask);
    };
    const timeout = setTimeout(() => {
      window.removeEventListener("message", received);
      resolve({ kind: "failed", code: "gesture_unavailable", message: "no popup was opened" });
    }, GESTURE.timeout);
    window.addEventListener("message", received);
  });
}

/** Runs in the popup: gets the request from the frame and shows it. */
export function servePopup(opener: Window): void {
  const frame = sameOriginFrame(opener);
  if (frame === undefined) {
    show(element("p", "The page that opened this window has no pending confirmation. Close this window."));
    return;
  }
  const { port1, port2 } = new MessageChannel();
  const answer = (told: ConfirmationResult): void => {
    port1.postMessage(told);
    window.close();
  };
  port1.onmessage = (event: MessageEvent<ConfirmationRequest>) => {
    const ask = event.data;
    // Closing the popup declines.
    window.addEventListener("pagehide", () => port1.postMessage({ kind: "no" } satisfies ConfirmationResult), {
      once: true,
    });
    showConfirmation({ page: ask.page, covered: "cannot", consent: consent(ask), done: answer });
  };
  frame.postMessage(HELLO, location.origin, [port2]);
}

function sameOriginFrame(opener: Window): Window | undefined {
  for (let index = 0; index < opener.length; index += 1) {
    const frame = opener[index];
    try {
      if (frame !== undefined && frame.location.origin === location.origin) return frame;
    } catch {
      // A frame of another origin.
    }
  }
  return undefined;
}
