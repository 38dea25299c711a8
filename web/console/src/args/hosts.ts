/**
 * The real destination of an address that seems to lead elsewhere. The patterns are bounded, so the time is linear in
 * the text's length.
 */

const ADDRESS = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"<>]+/giu;
const BARE = /(?:[\p{L}\p{N}\p{M}-]{1,63}[.\u3002\uff0e\uff61]){1,20}[\p{L}\p{N}\p{M}-]{2,63}/gu;

/** Returns a note for each misleading address in the text. */
export function hostNotes(text: string): string[] {
  const notes = new Set<string>();
  for (const [address] of text.matchAll(ADDRESS)) {
    const note = addressNote(address);
    if (note) notes.add(note);
  }
  for (const [name] of text.matchAll(BARE)) {
    const note = nameNote(name);
    if (note) notes.add(note);
  }
  return [...notes];
}

function addressNote(address: string): string | undefined {
  // URL parsing normalizes the hosts of http and https only; other schemes are parsed as http.
  const url = parsed(address.replace(/^[a-z][a-z0-9+.-]*:/i, scheme => (/^https?:$/i.test(scheme) ? scheme : "http:")));
  if (!url) return undefined;
  if (url.username !== "" || url.password !== "") return `leads to ${url.host}: the part before “@” is a user name`;
  const written =
    address
      .slice(address.indexOf("://") + 3)
      .split(/[/?#]/)[0]
      ?.toLowerCase() ?? "";
  const same = written === url.host || written === `${url.hostname}:${defaultPort(address)}`;
  return same ? xnNote(url.hostname) : `leads to ${url.host}`;
}

function nameNote(name: string): string | undefined {
  if (/^[\x20-\x7e]*$/.test(name)) return xnNote(name.toLowerCase());
  const host = parsed(`http://${name}`)?.hostname;
  return host?.includes("xn--") ? `as a host name, this is ${host}` : undefined;
}

function xnNote(host: string): string | undefined {
  return /(^|\.)xn--/.test(host) ? `${host} is an encoded name in another script` : undefined;
}

function defaultPort(address: string): string {
  return /^https:/i.test(address) ? "443" : "80";
}

function parsed(address: string): URL | undefined {
  try {
    return new URL(address);
  } catch {
    return undefined;
  }
}
