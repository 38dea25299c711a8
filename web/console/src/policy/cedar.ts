/** Syntax highlighting for Cedar. The pieces, concatenated, are the text. */

export type Word = "comment" | "string" | "keyword" | "annotation" | "plain";

const TOKENS =
  /(?<comment>\/\/[^\n]*)|(?<string>"(?:[^"\\\n]|\\.)*")|(?<annotation>@\w+)|(?<keyword>\b(?:permit|forbid|when|unless|principal|action|resource|context|in|has|like|is|if|then|else|true|false)\b)/g;

export function words(text: string): { kind: Word; text: string }[] {
  const out: { kind: Word; text: string }[] = [];
  let done = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (match.index > done) out.push({ kind: "plain", text: text.slice(done, match.index) });
    const kind = Object.entries(match.groups ?? {}).find(([, found]) => found !== undefined)?.[0] ?? "plain";
    out.push({ kind: kind as Word, text: match[0] });
    done = match.index + match[0].length;
  }
  if (done < text.length) out.push({ kind: "plain", text: text.slice(done) });
  return out;
}
