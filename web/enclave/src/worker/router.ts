// Routes a request: known method, checked parameters, confirmation if needed, then the transaction.

import {
  checkParams,
  EnclaveError,
  isMethod,
  type Method,
  type Params,
  type Result,
} from "../../../protocol/src/index.ts";
import type { ConfirmationResult } from "../frame_messages.ts";
import type { Enclave } from "./enclave.ts";
import type { Confirmed, Handler, Handlers } from "./handler.ts";
import { backup } from "./methods/backup.ts";
import { confirmed } from "./methods/confirmed.ts";
import { keyGeneration } from "./methods/generate.ts";
import { operations } from "./methods/operations.ts";
import { publicMethods } from "./methods/public.ts";
import { sessions } from "./methods/sessions.ts";
import { strong } from "./methods/strong.ts";

const HANDLERS: Handlers = {
  ...publicMethods,
  ...keyGeneration,
  ...operations,
  ...confirmed,
  ...sessions,
  ...backup,
  ...strong,
};

/** Handles one request. Refusals are recorded before they throw. */
export async function route(enclave: Enclave, method: unknown, params: unknown): Promise<Result<Method>> {
  try {
    if (!isMethod(method)) throw new EnclaveError("unknown_method", "unknown method");
    if (enclave.lost && !["version", "status", "reset"].includes(method)) {
      throw new EnclaveError("store_lost", "the previous store is gone");
    }
  } catch (thrown) {
    await enclave.auditRefusal("unknown", undefined, EnclaveError.of(thrown));
    throw thrown;
  }
  let checked: Params<Method>;
  try {
    checked = checkParams(method, params);
  } catch (thrown) {
    await enclave.auditRefusal(method, undefined, EnclaveError.of(thrown));
    throw thrown;
  }
  return run(enclave, method, checked);
}

async function run<M extends Method>(enclave: Enclave, method: M, params: Params<M>): Promise<Result<M>> {
  const handler: Handler<M> = HANDLERS[method];
  const kid = "kid" in params && typeof params.kid === "string" ? params.kid : undefined;
  if (handler.kind === "act") return enclave.operate(method, kid, tx => handler.act(tx, params, enclave));
  if (handler.kind === "read") {
    return handler.read(enclave, params).catch(async (thrown: unknown) => {
      const error = EnclaveError.of(thrown);
      await enclave.auditRefusal(method, kid, error);
      throw error;
    });
  }
  if (handler.kind === "replaces_store") {
    const result = await enclave.context.confirm(await handler.request(enclave));
    if (result.kind !== "yes") {
      const error = refusal(result);
      if (!enclave.lost) await enclave.auditRefusal(method, kid, error);
      throw error;
    }
    return handler.act(enclave);
  }
  const request = await enclave.precheck(method, kid, tx => handler.request(tx, params, enclave));
  const result = await enclave.context.confirm(request);
  return enclave.operate(method, kid, async tx => {
    if (result.kind === "no" && handler.declined !== undefined) return handler.declined(tx, params);
    return handler.act(tx, params, agreed(result), enclave);
  });
}

function refusal(result: Exclude<ConfirmationResult, Confirmed>): EnclaveError {
  if (result.kind === "no") return new EnclaveError("gesture_refused", "the person declined");
  return new EnclaveError(result.code, result.message);
}

function agreed(result: ConfirmationResult): Confirmed {
  if (result.kind !== "yes") throw refusal(result);
  return result;
}
