/** RFC 8785: sorted members, and otherwise what `JSON.stringify` writes. Equal values give equal texts. */
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
 * The value of a canonical text, or `undefined` when the text is not canonical, and so could mean something else to
 * another reader (members named twice, numbers that a double cannot hold).
 */
export function fromCanonical(text: string): { value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return canonical(value) === text ? { value } : undefined;
  } catch {
    return undefined;
  }
}
