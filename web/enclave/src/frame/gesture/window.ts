// A gesture in a window of its own, for engines where a frame cannot tell whether it is covered. The host opens this
// page's address in a window; the window finds the frame among its opener's frames, and they speak as one origin.

import { GESTURE } from "../../../../protocol/src/index.ts";
import type { Ask, Told } from "../../link.ts";
import { element, show } from "../page.ts";
import { consent } from "./gestures.ts";
import { question } from "./question.ts";

const HELLO = "briefcase-window";

/** In the frame: waits for the window and puts the question there. */
export function inWindow(ask: Ask): Promise<Told> {
  return new Promise(resolve => {
    const heard = (event: MessageEvent<unknown>): void => {
      const [port] = event.ports;
      if (event.origin !== location.origin || event.data !== HELLO || port === undefined) return;
      window.removeEventListener("message", heard);
      clearTimeout(expiry);
      port.onmessage = (answer: MessageEvent<Told>) => {
        port.close();
        resolve(answer.data);
      };
      port.postMessage(ask);
    };
    const expiry = setTimeout(() => {
      window.removeEventListener("message", heard);
      resolve({ kind: "failed", code: "gesture_unavailable", message: "no window was opened" });
    }, GESTURE.timeout);
    window.addEventListener("message", heard);
  });
}

/** In the window: asks the frame for its question, and the person for the answer. */
export function standIn(opener: Window): void {
  const frame = sameOriginFrame(opener);
  if (frame === undefined) {
    show(element("p", "The page that opened this window has no enclave that waits for you. Close this window."));
    return;
  }
  const { port1, port2 } = new MessageChannel();
  const answer = (told: Told): void => {
    port1.postMessage(told);
    window.close();
  };
  port1.onmessage = (event: MessageEvent<Ask>) => {
    const ask = event.data;
    // Closing the window is a no.
    window.addEventListener("pagehide", () => port1.postMessage({ kind: "no" } satisfies Told), { once: true });
    question({ page: ask.page, covered: "cannot", consent: consent(ask), done: answer });
  };
  frame.postMessage(HELLO, location.origin, [port2]);
}

function sameOriginFrame(opener: Window): Window | undefined {
  for (let index = 0; index < opener.length; index += 1) {
    const frame = opener[index];
    try {
      if (frame !== undefined && frame.location.origin === location.origin) return frame;
    } catch {
      // Another origin's frame.
    }
  }
  return undefined;
}
