// The form of a method's handler. `read` answers from public facts and leaves no entry; `act` runs as a turn.

import type { Method, Params, Result } from "../../../protocol/src/index.ts";
import type { Ask, Told } from "../link.ts";
import type { Enclave } from "./enclave.ts";
import type { Turn } from "./turn.ts";

export type Yes = Extract<Told, { kind: "yes" }>;

export type Handler<M extends Method> =
  | { readonly kind: "read"; read(enclave: Enclave, params: Params<M>): Promise<Result<M>> }
  | { readonly kind: "act"; act(turn: Turn, params: Params<M>, enclave: Enclave): Promise<Result<M>> }
  | {
      readonly kind: "asked";
      /** What the person is asked; throws when it would be refused anyway. */
      ask(turn: Turn, params: Params<M>, enclave: Enclave): Promise<Ask>;
      /** After a yes, in a turn of its own: everything is looked at again. */
      act(turn: Turn, params: Params<M>, told: Yes, enclave: Enclave): Promise<Result<M>>;
      /** After a no, where that is an answer too. */
      declined?(turn: Turn, params: Params<M>): Promise<Result<M>>;
    }
  | {
      /** Replaces the store itself, so it is no turn on it; works on a store that was lost. */
      readonly kind: "apart";
      ask(enclave: Enclave): Promise<Ask>;
      act(enclave: Enclave): Promise<Result<M>>;
    };

export type Handlers = { readonly [M in Method]: Handler<M> };
