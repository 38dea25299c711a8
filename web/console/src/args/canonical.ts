/**
 * Serializes as RFC 8785: sorted members, and otherwise the output of `JSON.stringify`. Equal values give equal texts.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = value as Record<string, unknown>;
    const names = Object.keys(members).sort();
    return `{${names.map(name => `${JSON.stringify(name)}:${canonical(members[name])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/**
 * Returns the value of a canonical text, or `undefined` if the text is not canonical. Such a text could mean something
 * else to another reader (duplicate members, numbers beyond a double).
 */
export function fromCanonical(text: string): { value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return canonical(value) === text ? { value } : undefined;
  } catch {
    return undefined;
  }
}
