// Gets public bytes of the enclave's origin: no cookies, no redirects, no more bytes and no more time than foreseen.

import { Refused } from "./refused.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export interface FetchOptions {
  readonly fetch: typeof fetch;
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

export async function fetchBytes(url: URL, most: number, fetchOptions: FetchOptions): Promise<Bytes> {
  const out = AbortSignal.timeout(fetchOptions.timeout);
  const signal = fetchOptions.signal === undefined ? out : AbortSignal.any([fetchOptions.signal, out]);
  try {
    const response = await fetchOptions.fetch(url.href, {
      mode: "cors",
      credentials: "omit",
      redirect: "manual",
      referrerPolicy: "no-referrer",
      cache: "no-cache",
      signal,
    });
    const moved = response.type === "opaqueredirect" || response.redirected;
    if (moved) throw new Refused("fetch", "redirected", `${url.pathname} is redirected`);
    if (!response.ok) throw new Refused("fetch", "status", `${url.pathname} was answered with ${response.status}`);
    return await bounded(response, most, url);
  } catch (thrown) {
    if (thrown instanceof Refused) throw thrown;
    fetchOptions.signal?.throwIfAborted();
    if (out.aborted) throw new Refused("fetch", "timeout", `${url.pathname} was not answered in time`);
    throw new Refused("fetch", "unreachable", `${url.pathname} could not be fetched`);
  }
}

async function bounded(response: Response, most: number, url: URL): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (part?.value === undefined) break;
    length += part.value.byteLength;
    if (length > most) {
      await reader?.cancel();
      throw new Refused("fetch", "too_large", `${url.pathname} has more than ${most} bytes`);
    }
    parts.push(part.value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
