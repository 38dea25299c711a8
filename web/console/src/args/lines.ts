/**
 * A JSON value as lines of pieces.
 *
 * Invariant: the texts of all lines, concatenated, are JSON text of the given value. A long string continues over
 * several lines, so that no line is too long to read or to lay out.
 */
import { type Piece, type PieceKind, pieces } from "./deceptive.ts";

export interface Part {
  kind: PieceKind | "key" | "number" | "word" | "mark";
  text: string;
}

export interface Line {
  depth: number;
  /** True if the line continues the string of the previous line. */
  continues: boolean;
  parts: Part[];
}

/** The length limit of a line, in characters. */
const LINE_MAX = 600;

export function lines(value: unknown): Line[] {
  const out: Line[] = [{ depth: 0, continues: false, parts: [] }];
  write(value, 0, out);
  return out;
}

function last(out: Line[]): Line {
  const line = out.at(-1) ?? { depth: 0, continues: false, parts: [] };
  if (out.length === 0) out.push(line);
  return line;
}

function put(out: Line[], kind: Part["kind"], text: string): void {
  last(out).parts.push({ kind, text });
}

function write(value: unknown, depth: number, out: Line[]): void {
  if (typeof value === "string") writeString(value, depth, out);
  else if (typeof value === "number") put(out, "number", JSON.stringify(value));
  else if (Array.isArray(value)) {
    const items = value.map((item: unknown) => () => write(item, depth + 1, out));
    writeList("[", items, "]", depth, out);
  } else if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([name, member]) =>
        () =>
          writeMember(name, member, depth + 1, out),
    );
    writeList("{", members, "}", depth, out);
  } else put(out, "word", JSON.stringify(value));
}

function writeList(open: string, items: (() => void)[], close: string, depth: number, out: Line[]): void {
  put(out, "mark", open);
  items.forEach((item, place) => {
    out.push({ depth: depth + 1, continues: false, parts: [] });
    item();
    if (place < items.length - 1) put(out, "mark", ",");
  });
  if (items.length > 0) out.push({ depth, continues: false, parts: [] });
  put(out, "mark", close);
}

function writeMember(name: string, value: unknown, depth: number, out: Line[]): void {
  put(out, "mark", '"');
  spread(pieces(name), depth, out, "key");
  put(out, "mark", '": ');
  write(value, depth, out);
}

function writeString(value: string, depth: number, out: Line[]): void {
  put(out, "mark", '"');
  spread(pieces(value), depth, out);
  put(out, "mark", '"');
}

/** Lays out pieces. Starts a new line after a line break in the text, and at the length limit. */
function spread(all: Piece[], depth: number, out: Line[], plain: Part["kind"] = "plain"): void {
  let room = LINE_MAX;
  const turn = () => {
    out.push({ depth, continues: true, parts: [] });
    room = LINE_MAX;
  };
  all.forEach((piece, place) => {
    const kind = piece.kind === "plain" ? plain : piece.kind;
    for (const text of cuts(piece)) {
      if (room <= 0) turn();
      put(out, kind, text);
      room -= text.length;
    }
    if (place < all.length - 1 && piece.kind === "break" && piece.text.endsWith("\\n")) turn();
  });
}

/** Splits a piece into texts of bounded length, never inside an escape or between a letter and its marks. */
function cuts(piece: Piece): string[] {
  if (piece.text.length <= LINE_MAX) return [piece.text];
  const out: string[] = [];
  let now = "";
  for (const unit of piece.text.match(/\\u[0-9a-f]{4}|\\.|.\p{M}*/gsu) ?? []) {
    now += unit;
    if (now.length >= LINE_MAX) {
      out.push(now);
      now = "";
    }
  }
  return now === "" ? out : [...out, now];
}
