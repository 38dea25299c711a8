/**
 * Untrusted text, split into pieces that show its exact content.
 *
 * Invariant: the pieces' texts, concatenated, are the inside of a JSON string literal for exactly the given text.
 * Characters that hide, reorder or imitate are escaped or marked; no character is dropped.
 */

/**
 * `plain` text, an ordinary `break` (new line, tab), an `escape` of a hidden character, a run of `blank`s, a `rtl`
 * word, or an `odd` character that imitates another.
 */
export type PieceKind = "plain" | "break" | "escape" | "blank" | "rtl" | "odd";

export interface Piece {
  kind: PieceKind;
  text: string;
}

/**
 * Control, format, private and unassigned characters, separators other than the space, and characters without a glyph.
 */
const HIDDEN =
  /^[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}]$|^(?! )\p{Zs}$/u;
const SHORT: Record<string, string> = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r" };

/** Letters of right-to-left scripts, with their marks. */
const RTL = /[\p{sc=Hebr}\p{sc=Arab}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}\p{sc=Adlm}\p{sc=Samr}\p{sc=Mand}\p{sc=Rohg}]/u;
/** Punctuation that looks like `.` `/` `:` `@` `-` in addresses. */
const PUNCTUATION =
  /[\u00ad\u02d0\u2010\u2011\u2024\u2044\u2215\u2236\u29f8\u3002\ua789\u0589\ufe52\ufe55\ufe6b\uff0d-\uff0f\uff1a\uff20\uff61]/u;
/** Scripts with look-alike letters. */
const ALIKE = ["Latn", "Cyrl", "Grek", "Armn", "Cher", "Copt", "Lisu"].map(
  script => new RegExp(`\\p{sc=${script}}`, "u"),
);
const WORD = /[\p{L}\p{M}]+/gu;
const MARK = /\p{M}/u;
/** Characters that can carry a mark. */
const BASE = /[\p{L}\p{N}\p{M}]/u;
/** The limit of marks on one letter; more would paint over the lines above and below. */
const MARKS_MAX = 2;
/** The number of spaces in a row from which they are shown visibly. */
export const BLANKS_MANY = 3;

export function isHidden(character: string): boolean {
  if (character >= " " && character <= "~") return false;
  return HIDDEN.test(character);
}

/** Checks whether a character imitates a plain letter, digit or address mark: `ａ`, `𝗉`, `∕`. */
export function isImitation(character: string): boolean {
  if (character <= "\u007f") return false;
  return PUNCTUATION.test(character) || /^[A-Za-z0-9]+$/.test(character.normalize("NFKC"));
}

/** Escapes a character as JSON does. */
export function escaped(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map(unit => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** Returns the positions of letters that do not belong to the main script of their word. */
function strangers(text: string): Set<number> {
  const places = new Set<number>();
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (!isMixed(word)) continue;
    const letters = [...word];
    const counts = ALIKE.map(script => letters.filter(letter => script.test(letter)).length);
    const main = ALIKE[counts.indexOf(Math.max(...counts))];
    let place = index;
    for (const letter of letters) {
      if (main && !main.test(letter) && ALIKE.some(script => script.test(letter))) places.add(place);
      place += letter.length;
    }
  }
  return places;
}

/** Checks whether one word mixes look-alike scripts. */
export function isMixed(word: string): boolean {
  return ALIKE.filter(script => script.test(word)).length > 1;
}

export function pieces(text: string): Piece[] {
  const odd = strangers(text);
  const out: Piece[] = [];
  let before = "";
  let marks = 0;
  let place = 0;
  for (const character of text) {
    const mark = character > "\u02ff" && MARK.test(character);
    marks = mark ? marks + 1 : 0;
    if (mark) add(out, marked(character, marks, before, out.at(-1)));
    else add(out, piece(character, odd.has(place)));
    before = character;
    place += character.length;
  }
  return out.map(settle).reduce<Piece[]>((all, one) => {
    add(all, one);
    return all;
  }, []);
}

/** A mark stays on its letter. Without a letter, or with too many marks on it, it would paint over other text. */
function marked(mark: string, marks: number, before: string, last: Piece | undefined): Piece {
  const kind = last?.kind ?? "escape";
  const carries = BASE.test(before) && (kind === "plain" || kind === "odd" || kind === "rtl");
  if (!carries || marks > MARKS_MAX || isHidden(mark)) return { kind: "escape", text: escaped(mark) };
  return { kind, text: mark };
}

function piece(character: string, stranger: boolean): Piece {
  if (character === '"' || character === "\\") return { kind: "plain", text: `\\${character}` };
  if (character === "\n" || character === "\t") return { kind: "break", text: escaped(character) };
  if (isHidden(character)) return { kind: "escape", text: escaped(character) };
  if (character === " ") return { kind: "blank", text: " " };
  if (stranger || isImitation(character)) return { kind: "odd", text: character };
  if (character <= "\u02ff") return { kind: "plain", text: character };
  return { kind: RTL.test(character) ? "rtl" : "plain", text: character };
}

function add(out: Piece[], next: Piece): void {
  const last = out.at(-1);
  if (last?.kind === next.kind) last.text += next.text;
  else out.push(next);
}

/** One or two spaces are ordinary text. */
function settle(one: Piece): Piece {
  return one.kind === "blank" && one.text.length < BLANKS_MANY ? { ...one, kind: "plain" } : one;
}
