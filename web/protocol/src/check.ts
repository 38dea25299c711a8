// Checks of values that come from a stranger. Each either returns the value with its type or throws `bad_params`
// with the place. An object may have only the members named; nothing is coerced, defaulted or ignored.

import { EnclaveError, type ErrorCode } from "./errors.ts";

export type Check<T> = (value: unknown, at: string) => T;
type Checks = Readonly<Record<string, Check<unknown>>>;
type Checked<C extends Checks> = { -readonly [K in keyof C]: ReturnType<C[K]> };

export function refuse(at: string, what: string, code: ErrorCode = "bad_params"): never {
  throw new EnclaveError(code, `${at}: ${what}`);
}

/** An object made by structured clone: no class, no accessor, no symbol. */
export function plain(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) refuse(at, "must be an object");
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse(at, "must be a plain object");
  return value as Readonly<Record<string, unknown>>;
}

export function shape<R extends Checks, O extends Checks = Record<never, never>>(
  required: R,
  optional?: O,
): Check<Checked<R> & Partial<Checked<O>>> {
  return (value, at) => {
    const object = plain(value, at);
    for (const name of Reflect.ownKeys(object)) {
      const known = typeof name === "string" && (Object.hasOwn(required, name) || Object.hasOwn(optional ?? {}, name));
      if (!known) refuse(at, "has a member that is not known");
    }
    const checked: Record<string, unknown> = {};
    for (const [name, check] of Object.entries(required)) {
      if (!Object.hasOwn(object, name)) refuse(at, `lacks ${name}`);
      checked[name] = check(object[name], `${at}.${name}`);
    }
    for (const [name, check] of Object.entries(optional ?? {})) {
      if (Object.hasOwn(object, name)) checked[name] = check(object[name], `${at}.${name}`);
    }
    return checked as Checked<R> & Partial<Checked<O>>;
  };
}

export function one<const T extends string>(of: readonly T[]): Check<T> {
  return (value, at) => of.find(word => word === value) ?? refuse(at, `must be one of ${of.join(", ")}`);
}

export function text(most: number, least = 1): Check<string> {
  return (value, at) => {
    if (typeof value !== "string") refuse(at, "must be a string");
    if (value.length > most) refuse(at, `has more than ${most} characters`, "too_large");
    if (value.length < least) refuse(at, "is too short");
    if (!value.isWellFormed()) refuse(at, "has half a surrogate pair");
    return value;
  };
}

export function matching(pattern: RegExp, what: string): Check<string> {
  return (value, at) => (typeof value === "string" && pattern.test(value) ? value : refuse(at, `must be ${what}`));
}

export const flag: Check<boolean> = (value, at) =>
  typeof value === "boolean" ? value : refuse(at, "must be true or false");

export function whole(least: number, most: number): Check<number> {
  return (value, at) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) refuse(at, "must be a whole number");
    if (value < least || value > most) refuse(at, `must be from ${least} to ${most}`);
    return value;
  };
}

/** A buffer of its own: not a view, not shared memory. */
export function bytes(most: number, least = 0): Check<ArrayBuffer> {
  return (value, at) => {
    if (!(value instanceof ArrayBuffer)) refuse(at, "must be an ArrayBuffer");
    if (value.byteLength > most) refuse(at, `has more than ${most} bytes`, "too_large");
    if (value.byteLength < least) refuse(at, `has fewer than ${least} bytes`);
    return value;
  };
}

export function list<T>(of: Check<T>, most: number, least = 0): Check<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) refuse(at, "must be a list");
    if (value.length > most) refuse(at, `has more than ${most} items`, "too_large");
    if (value.length < least) refuse(at, "has too few items");
    return Array.from(value as readonly unknown[], (item, index) => of(item, `${at}[${index}]`));
  };
}
