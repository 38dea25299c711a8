// What worker and frame say to each other inside the enclave. The host sees none of it.

import type { ErrorCode, Open } from "../../protocol/src/index.ts";

/** The text that a person reads before a decision. `quoted` is somebody else's text and is shown as such. */
export interface ConfirmationPage {
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly quoted?: string;
  /** A recovery code to write down; its last group has to be typed before `yes` works. */
  readonly code?: string;
  /** Asks for a line of text. */
  readonly prompt?: string;
  readonly yes: string;
  readonly no: string;
}

/** What a passkey is asked for after the click. */
export type Ceremony =
  | { readonly kind: "create"; readonly host: string; readonly salt: ArrayBuffer }
  | { readonly kind: "use"; readonly credential: ArrayBuffer; readonly salt: ArrayBuffer };

export interface ConfirmationRequest {
  readonly page: ConfirmationPage;
  readonly ceremony?: Ceremony;
}

/** What came of it. `prf` is 32 bytes that only this credential on its authenticator gives for the salt. */
export type ConfirmationResult =
  | { readonly kind: "no" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string }
  | {
      readonly kind: "yes";
      readonly typed?: string;
      readonly prf?: ArrayBuffer;
      readonly credential?: ArrayBuffer;
    };

/** Frame to worker. The first carries the host's port. */
export type ToWorker =
  | {
      readonly kind: "open";
      readonly host: string;
      readonly open: Open;
      readonly hash: string;
      /** The store that this origin's other storage remembers for the host. */
      readonly witness: string | null;
      readonly gesture: "frame" | "window";
      /** A lock's name: whoever gets it after the worker knows that the worker is gone. */
      readonly life: string;
    }
  | { readonly kind: "told"; readonly id: number; readonly told: ConfirmationResult }
  | { readonly kind: "show"; readonly width: number; readonly height: number }
  | { readonly kind: "window" }
  | { readonly kind: "hide" };

/** Worker to frame. */
export type ToFrame =
  | { readonly kind: "alive" }
  | { readonly kind: "ask"; readonly id: number; readonly ask: ConfirmationRequest }
  | { readonly kind: "remember"; readonly store: string }
  | { readonly kind: "persist" };
