// Fetches public files of the enclave's origin: no cookies, no redirects, and limits on size and time.

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
    if (moved) throw new Refused("fetch", "redirected", `${url.pathname} was redirected`);
    if (!response.ok) throw new Refused("fetch", "status", `${url.pathname} returned status ${response.status}`);
    return await bounded(response, most, url);
  } catch (thrown) {
    if (thrown instanceof Refused) throw thrown;
    fetchOptions.signal?.throwIfAborted();
    if (out.aborted) throw new Refused("fetch", "timeout", `${url.pathname} timed out`);
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
      throw new Refused("fetch", "too_large", `${url.pathname} is larger than ${most} bytes`);
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
