// From a request to its answer: known method, checked parameters, the person if one is needed, then the turn.

import {
  checkParams,
  EnclaveError,
  isMethod,
  type Method,
  type Params,
  type Result,
} from "../../../protocol/src/index.ts";
import type { Told } from "../link.ts";
import type { Enclave } from "./enclave.ts";
import type { Handler, Handlers, Yes } from "./handler.ts";
import { asked } from "./methods/asked.ts";
import { backup } from "./methods/backup.ts";
import { birth } from "./methods/birth.ts";
import { facts } from "./methods/facts.ts";
import { sessions } from "./methods/sessions.ts";
import { strong } from "./methods/strong.ts";
import { uses } from "./methods/use.ts";

const HANDLERS: Handlers = { ...facts, ...birth, ...uses, ...asked, ...sessions, ...backup, ...strong };

/** Answers one request. Whatever is refused is recorded before it throws. */
export async function route(enclave: Enclave, method: unknown, params: unknown): Promise<Result<Method>> {
  try {
    if (!isMethod(method)) throw new EnclaveError("unknown_method", "there is no such method");
    if (enclave.lost && !["version", "status", "reset"].includes(method)) {
      throw new EnclaveError("store_lost", "the store that was here is gone");
    }
  } catch (thrown) {
    await enclave.refused("unknown", undefined, EnclaveError.of(thrown));
    throw thrown;
  }
  let checked: Params<Method>;
  try {
    checked = checkParams(method, params);
  } catch (thrown) {
    await enclave.refused(method, undefined, EnclaveError.of(thrown));
    throw thrown;
  }
  return run(enclave, method, checked);
}

async function run<M extends Method>(enclave: Enclave, method: M, params: Params<M>): Promise<Result<M>> {
  const handler: Handler<M> = HANDLERS[method];
  const kid = "kid" in params && typeof params.kid === "string" ? params.kid : undefined;
  if (handler.kind === "act") return enclave.operate(method, kid, turn => handler.act(turn, params, enclave));
  if (handler.kind === "read") {
    return handler.read(enclave, params).catch(async (thrown: unknown) => {
      const error = EnclaveError.of(thrown);
      await enclave.refused(method, kid, error);
      throw error;
    });
  }
  if (handler.kind === "apart") {
    const told = await enclave.around.ask(await handler.ask(enclave));
    if (told.kind !== "yes") {
      const error = refusal(told);
      if (!enclave.lost) await enclave.refused(method, kid, error);
      throw error;
    }
    return handler.act(enclave);
  }
  const ask = await enclave.look(method, kid, turn => handler.ask(turn, params, enclave));
  const told = await enclave.around.ask(ask);
  return enclave.operate(method, kid, async turn => {
    if (told.kind === "no" && handler.declined !== undefined) return handler.declined(turn, params);
    return handler.act(turn, params, agreed(told), enclave);
  });
}

function refusal(told: Exclude<Told, Yes>): EnclaveError {
  if (told.kind === "no") return new EnclaveError("gesture_refused", "the person declined");
  return new EnclaveError(told.code, told.message);
}

function agreed(told: Told): Yes {
  if (told.kind !== "yes") throw refusal(told);
  return told;
}
