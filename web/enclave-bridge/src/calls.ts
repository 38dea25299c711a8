// Every method of the protocol as a function: `generate({ … })`, `session.encrypt({ … })`. Built from the protocol's
// method list, so the two cannot differ.

import { METHODS, type Method, type Params, type Result } from "../../protocol/src/index.ts";
import type { CallOptions } from "./channel.ts";

export type Call<M extends Method> =
  Record<never, never> extends Params<M>
    ? (params?: Params<M>, options?: CallOptions) => Promise<Result<M>>
    : (params: Params<M>, options?: CallOptions) => Promise<Result<M>>;

type Plain = Exclude<Method, `${string}.${string}`>;
type Group = Method extends infer M ? (M extends `${infer G}.${string}` ? G : never) : never;
type Of<G extends string> = { readonly [M in Method as M extends `${G}.${infer N}` ? N : never]: Call<M> };

export type Calls = { readonly [M in Plain]: Call<M> } & { readonly [G in Group]: Of<G> };

export type Caller = <M extends Method>(method: M, params: Params<M>, options?: CallOptions) => Promise<Result<M>>;

export function callsOf(call: Caller): Calls {
  const made: Record<string, unknown> = {};
  for (const method of METHODS) {
    const [first = "", second] = method.split(".");
    const one = (params: unknown = {}, options?: CallOptions) => call(method, params as Params<Method>, options);
    if (second === undefined) made[first] = one;
    else made[first] = Object.freeze({ ...(made[first] as object | undefined), [second]: one });
  }
  return Object.freeze(made) as unknown as Calls;
}
