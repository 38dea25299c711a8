// Validates values from an untrusted sender. Each check returns the typed value or throws `bad_params` with the
// location. Objects may have only the named members; no value is coerced, defaulted or ignored.

import { EnclaveError, type ErrorCode } from "./errors.ts";

export type Check<T> = (value: unknown, at: string) => T;
type Checks = Readonly<Record<string, Check<unknown>>>;
type Checked<C extends Checks> = { -readonly [K in keyof C]: ReturnType<C[K]> };

export function reject(at: string, what: string, code: ErrorCode = "bad_params"): never {
  throw new EnclaveError(code, `${at}: ${what}`);
}

/** An object from structured clone: no class, no accessor, no symbol. */
export function plainObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) reject(at, "must be an object");
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) reject(at, "must be a plain object");
  return value as Readonly<Record<string, unknown>>;
}

export function shape<R extends Checks, O extends Checks = Record<never, never>>(
  required: R,
  optional?: O,
): Check<Checked<R> & Partial<Checked<O>>> {
  return (value, at) => {
    const object = plainObject(value, at);
    for (const name of Reflect.ownKeys(object)) {
      const known = typeof name === "string" && (Object.hasOwn(required, name) || Object.hasOwn(optional ?? {}, name));
      if (!known) reject(at, "has an unknown member");
    }
    const checked: Record<string, unknown> = {};
    for (const [name, check] of Object.entries(required)) {
      if (!Object.hasOwn(object, name)) reject(at, `lacks ${name}`);
      checked[name] = check(object[name], `${at}.${name}`);
    }
    for (const [name, check] of Object.entries(optional ?? {})) {
      if (Object.hasOwn(object, name)) checked[name] = check(object[name], `${at}.${name}`);
    }
    return checked as Checked<R> & Partial<Checked<O>>;
  };
}

export function oneOf<const T extends string>(of: readonly T[]): Check<T> {
  return (value, at) => of.find(word => word === value) ?? reject(at, `must be one of ${of.join(", ")}`);
}

export function string(most: number, least = 1): Check<string> {
  return (value, at) => {
    if (typeof value !== "string") reject(at, "must be a string");
    if (value.length > most) reject(at, `has more than ${most} characters`, "too_large");
    if (value.length < least) reject(at, "is too short");
    if (!value.isWellFormed()) reject(at, "contains an unpaired surrogate");
    return value;
  };
}

export function matching(pattern: RegExp, what: string): Check<string> {
  return (value, at) => (typeof value === "string" && pattern.test(value) ? value : reject(at, `must be ${what}`));
}

export const boolean: Check<boolean> = (value, at) =>
  typeof value === "boolean" ? value : reject(at, "must be true or false");

export function integer(least: number, most: number): Check<number> {
  return (value, at) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) reject(at, "must be a whole number");
    if (value < least || value > most) reject(at, `must be from ${least} to ${most}`);
    return value;
  };
}

/** An ArrayBuffer: no view, no shared memory. */
export function bytes(most: number, least = 0): Check<ArrayBuffer> {
  return (value, at) => {
    if (!(value instanceof ArrayBuffer)) reject(at, "must be an ArrayBuffer");
    if (value.byteLength > most) reject(at, `has more than ${most} bytes`, "too_large");
    if (value.byteLength < least) reject(at, `has fewer than ${least} bytes`);
    return value;
  };
}

export function list<T>(of: Check<T>, most: number, least = 0): Check<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) reject(at, "must be a list");
    if (value.length > most) reject(at, `has more than ${most} items`, "too_large");
    if (value.length < least) reject(at, "has too few items");
    return Array.from(value as readonly unknown[], (item, index) => of(item, `${at}[${index}]`));
  };
}
