/** Warnings about a value: one sentence each, with its location. */
import { BLANKS_MANY, isHidden, isImitation, isMixed } from "./deceptive.ts";
import { hostNotes } from "./hosts.ts";

export interface Note {
  /** A JSON pointer; empty for the whole value. */
  path: string;
  message: string;
}

const LONG = 2_000;

/** Returns all notes on a value, in document order. */
export function notes(value: unknown, path = ""): Note[] {
  if (typeof value === "string") return textNotes(value).map(message => ({ path, message }));
  if (typeof value === "number") return numberNotes(value).map(message => ({ path, message }));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const place = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const ofName = Array.isArray(value)
      ? []
      : textNotes(name).map(message => ({ path: place, message: `its name ${message}` }));
    return [...ofName, ...notes(member, place)];
  });
}

function textNotes(text: string): string[] {
  const characters = [...text];
  const found: string[] = [];
  const hidden = characters.filter(one => isHidden(one) && !/[\t\n\r]/.test(one));
  if (hidden.length > 0) found.push(`contains ${count(hidden.length, "invisible character")} (${names(hidden)})`);
  const mixed = (text.match(/[\p{L}\p{M}]+/gu) ?? []).filter(isMixed);
  if (mixed.length > 0) found.push("mixes look-alike alphabets inside a word");
  const imitations = characters.filter(isImitation);
  if (imitations.length > 0) found.push(`uses look-alikes of plain characters (${names(imitations)})`);
  if (/[\p{sc=Hebr}\p{sc=Arab}\p{sc=Syrc}\p{sc=Thaa}]/u.test(text)) {
    found.push("contains right-to-left letters; words are shown in stored order");
  }
  if (/\p{M}{3}/u.test(text)) found.push("stacks marks on one letter");
  const run = longest(
    text.match(new RegExp(`[ \\t]{${BLANKS_MANY * 4},}|(?:\\r?\\n){${BLANKS_MANY * 2},}`, "g")) ?? [],
  );
  if (run > 0) found.push(`is padded with ${count(run, "space")} in a row`);
  if (characters.length > LONG) found.push(`is ${count(characters.length, "character")} long`);
  return [...found, ...hostNotes(text)];
}

function numberNotes(value: number): string[] {
  const written = JSON.stringify(value);
  return /e/.test(written) ? [`is ${plain(written)}`] : [];
}

/** Formats a number without an exponent. */
export function plain(written: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]?\d+)$/.exec(written) ?? [];
  if (whole === "") return written;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + grouped(digits.padEnd(point, "0"));
  return `${sign}${grouped(digits.slice(0, point))}.${digits.slice(point)}`;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

function longest(runs: string[]): number {
  return runs.reduce((most, run) => Math.max(most, run.length), 0);
}

function count(many: number, what: string): string {
  return `${many.toLocaleString("en")} ${what}${many === 1 ? "" : "s"}`;
}

function names(characters: string[]): string {
  const codes = [...new Set(characters)].map(
    one => `U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`,
  );
  return codes.length > 4 ? `${codes.slice(0, 4).join(", ")}, …` : codes.join(", ");
}
