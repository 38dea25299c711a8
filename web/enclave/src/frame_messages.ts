// The messages between worker and frame. The host sees none of them.

import type { ErrorCode, Open } from "../../protocol/src/index.ts";

/** The page that a person reads before a decision. `quoted` is text of another party and is shown as a quote. */
export interface ConfirmationPage {
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly quoted?: string;
  /** A recovery code to write down; its last group must be typed before `yes` works. */
  readonly code?: string;
  /** The label of a text input. */
  readonly prompt?: string;
  readonly yes: string;
  readonly no: string;
}

/** The passkey ceremony after the click. */
export type Ceremony =
  | { readonly kind: "create"; readonly host: string; readonly salt: ArrayBuffer }
  | { readonly kind: "use"; readonly credential: ArrayBuffer; readonly salt: ArrayBuffer };

export interface ConfirmationRequest {
  readonly page: ConfirmationPage;
  readonly ceremony?: Ceremony;
}

/**
 * The result of a confirmation. `prf` is 32 bytes that only this credential on its authenticator returns for the salt.
 */
export type ConfirmationResult =
  | { readonly kind: "no" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string }
  | {
      readonly kind: "yes";
      readonly typed?: string;
      readonly prf?: ArrayBuffer;
      readonly credential?: ArrayBuffer;
    };

/** Messages from frame to worker. The first carries the host's port. */
export type ToWorker =
  | {
      readonly kind: "open";
      readonly host: string;
      readonly open: Open;
      readonly hash: string;
      /** The store id that this origin's other storage remembers for the host. */
      readonly witness: string | null;
      readonly gesture: "frame" | "window";
      /** The name of a lock. The frame acquires it only after the worker is gone. */
      readonly lockName: string;
    }
  | { readonly kind: "told"; readonly id: number; readonly told: ConfirmationResult }
  | { readonly kind: "show"; readonly width: number; readonly height: number }
  | { readonly kind: "window" }
  | { readonly kind: "hide" };

/** Messages from worker to frame. */
export type ToFrame =
  | { readonly kind: "alive" }
  | { readonly kind: "ask"; readonly id: number; readonly ask: ConfirmationRequest }
  | { readonly kind: "remember"; readonly store: string }
  | { readonly kind: "persist" };
