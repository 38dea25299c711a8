import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonical, fromCanonical } from "../../src/args/canonical.ts";
import { Coverage } from "../../src/args/coverage.ts";
import { pieces } from "../../src/args/deceptive.ts";
import { lines } from "../../src/args/lines.ts";
import { notes, plain } from "../../src/args/notes.ts";
import { nasty, value } from "../nasty.ts";

const shown = (given: unknown): string =>
  lines(given)
    .flatMap(line => line.parts.map(part => part.text))
    .join("");

test("the text of all lines is JSON of exactly the value", () => {
  fc.assert(
    fc.property(value(), given => {
      assert.equal(canonical(JSON.parse(shown(given))), canonical(given));
    }),
    { numRuns: 2_000 },
  );
});

test("hidden and reordering characters are always escaped", () => {
  fc.assert(
    fc.property(value(), given => {
      const bare = shown(given).replaceAll(" ", "");
      assert.doesNotMatch(
        bare,
        /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufffc]/u,
      );
      assert.doesNotMatch(bare, /\p{M}{3}/u);
    }),
    { numRuns: 2_000 },
  );
});

test("characters that many fonts draw as nothing are escaped", () => {
  for (const blank of ["\u2800", "\u3164", "\uffa0", "\ufffc", "\u{1d159}"]) {
    assert.doesNotMatch(shown({ a: blank }), new RegExp(blank, "u"), blank.codePointAt(0)?.toString(16));
  }
});

test("every line has a bounded length", () => {
  const long = lines({ a: "x".repeat(100_000), b: "\u200b".repeat(10_000), c: `${"y\n".repeat(5_000)}` });
  for (const line of long) {
    assert.ok(line.parts.reduce((sum, part) => sum + part.text.length, 0) < 1_300);
  }
});

test("letters of another alphabet are marked inside a mixed word, and only there", () => {
  const odd = (text: string): string[] => pieces(text).flatMap(piece => (piece.kind === "odd" ? [piece.text] : []));
  assert.deepEqual(odd("p\u0430ypal"), ["\u0430"]);
  assert.deepEqual(odd("привет мир, hello"), []);
  assert.deepEqual(odd("日本語のtext"), []);
  assert.deepEqual(odd("\uff47oogle.com\u2215login"), ["\uff47", "\u2215"]);
});

test("an ambiguous text has no value", () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    "9007199254740993",
    "1e400",
    "-0",
    '{"a":1} ',
    "[1,]",
    '"\\ud800"x',
    "1.0",
  ]) {
    assert.equal(fromCanonical(text), undefined, text);
  }
  assert.deepEqual(
    fromCanonical('{"__proto__":1,"a":[true,null]}')?.value,
    JSON.parse('{"__proto__":1,"a":[true,null]}'),
  );
});

test("each deceptive case has a warning", () => {
  for (const { name, args, note } of nasty) {
    if (note)
      assert.ok(
        notes(args).some(one => note.test(one.message)),
        `${name}: ${JSON.stringify(notes(args))}`,
      );
  }
});

test("ordinary arguments have no warning", () => {
  const ordinary = {
    amount: 1999,
    body: "Grüße aus Zürich – «voilà»…\nSee https://example.com/a?b=c#d and file.txt, v1.2.3",
    email: "anna@example.org",
    list: ["https://api.example.com:8443/v1", "http://[::1]:8080/", "naïve café", "数据 и данные"],
  };
  assert.deepEqual(notes(ordinary), []);
});

test("numbers with an exponent are written out", () => {
  assert.equal(plain("1e+21"), "1,000,000,000,000,000,000,000");
  assert.equal(plain("1.5e-7"), "0.00000015");
  assert.equal(plain("-1.25e+22"), "-12,500,000,000,000,000,000,000");
});

test("coverage is complete only without gaps", () => {
  const coverage = new Coverage();
  coverage.add(0, 100);
  coverage.add(150, 300);
  assert.equal(coverage.isComplete(300), false);
  assert.equal(coverage.covered(300), 250);
  coverage.add(99, 151);
  assert.equal(coverage.isComplete(300), true);
  assert.equal(coverage.isComplete(320), false);
  coverage.clear();
  assert.equal(coverage.isComplete(1), false);
});

test("coverage equals a per-pixel record", () => {
  const spans = fc.array(fc.tuple(fc.nat(60), fc.nat(30)), { maxLength: 12 });
  fc.assert(
    fc.property(spans, given => {
      const coverage = new Coverage();
      const ticked = new Set<number>();
      for (const [from, length] of given) {
        coverage.add(from * 10, (from + length) * 10);
        for (let at = from; at < from + length; at++) ticked.add(at);
      }
      const all = Array.from({ length: 40 }, (_, at) => at).every(at => ticked.has(at));
      assert.equal(coverage.isComplete(400), all);
    }),
  );
});

test("argument checks take linear time", () => {
  const [few, many] = [1 << 15, 1 << 18];
  for (const unit of ["A", "a.", "http:/", " \n", "\u0430a", "\u200b", "x\u0301", "\u05d0 ", '"']) {
    const took = (size: number): number => {
      const args = { text: unit.repeat(size / unit.length) };
      const before = process.cpuUsage();
      lines(args);
      notes(args);
      return process.cpuUsage(before).user;
    };
    // Eight times the input takes eight times as long, or sixty-four times if quadratic. The best of three runs is the
    // least disturbed; the floor excludes times too short to measure.
    const best = (size: number): number => Math.min(took(size), took(size), took(size));
    const [least, most] = [Math.max(best(few), 10_000), best(many)];
    assert.ok(most < least * 24, `${JSON.stringify(unit)} took ${least} and ${most} µs`);
  }
});
