// The form of a method's handler. `read` answers from public publicMethods and leaves no entry; `act` runs as a tx.

import type { Method, Params, Result } from "../../../protocol/src/index.ts";
import type { ConfirmationRequest, ConfirmationResult } from "../frame_messages.ts";
import type { Enclave } from "./enclave.ts";
import type { Transaction } from "./transaction.ts";

export type Confirmed = Extract<ConfirmationResult, { kind: "yes" }>;

export type Handler<M extends Method> =
  | { readonly kind: "read"; read(enclave: Enclave, params: Params<M>): Promise<Result<M>> }
  | { readonly kind: "act"; act(tx: Transaction, params: Params<M>, enclave: Enclave): Promise<Result<M>> }
  | {
      readonly kind: "confirmed";
      /** What the person is asked; throws when it would be refused anyway. */
      request(tx: Transaction, params: Params<M>, enclave: Enclave): Promise<ConfirmationRequest>;
      /** After a yes, in a tx of its own: everything is looked at again. */
      act(tx: Transaction, params: Params<M>, result: Confirmed, enclave: Enclave): Promise<Result<M>>;
      /** After a no, where that is an answer too. */
      declined?(tx: Transaction, params: Params<M>): Promise<Result<M>>;
    }
  | {
      /** Replaces the store itself, so it is no tx on it; works on a store that was lost. */
      readonly kind: "replaces_store";
      request(enclave: Enclave): Promise<ConfirmationRequest>;
      act(enclave: Enclave): Promise<Result<M>>;
    };

export type Handlers = { readonly [M in Method]: Handler<M> };
