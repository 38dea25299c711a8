// The kinds of method handlers. `read` handlers return public data and leave no audit entry; `act` handlers run in a
// transaction.

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
      /** Returns the confirmation request. Throws if the operation would be refused anyway. */
      request(tx: Transaction, params: Params<M>, enclave: Enclave): Promise<ConfirmationRequest>;
      /** Runs after consent, in its own transaction; checks everything again. */
      act(tx: Transaction, params: Params<M>, result: Confirmed, enclave: Enclave): Promise<Result<M>>;
      /** Runs after a refusal by the person, if a refusal has a result too. */
      declined?(tx: Transaction, params: Params<M>): Promise<Result<M>>;
    }
  | {
      /** Replaces the store itself, so it runs outside a transaction. It works on a lost store too. */
      readonly kind: "replaces_store";
      request(enclave: Enclave): Promise<ConfirmationRequest>;
      act(enclave: Enclave): Promise<Result<M>>;
    };

export type Handlers = { readonly [M in Method]: Handler<M> };
