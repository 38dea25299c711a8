/**
 * The exact arguments of a request, from the text that its digest covers.
 *
 * Invariant: when all lines are shown, the element's text is JSON of the bound value. `isFaithful` verifies this on the
 * live page before a request can be allowed.
 */
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icon.tsx";
import { UntrustedText } from "../ui/untrusted_text.tsx";
import { canonical, fromCanonical } from "./canonical.ts";
import { type Line, lines, type Part } from "./lines.ts";
import { type Note, notes } from "./notes.ts";
import { useReadCoverage } from "./read_coverage.ts";

const LINES_FIRST = 40;
const LINES_MORE = 400;
const NOTES_MAX = 12;

export interface Reading {
  /** True if everything is shown, was in view, and equals the arguments that will run. */
  done: boolean;
  /** The missing step, for the person. */
  missing: string;
  /** The same in two or three words, if it is not reading. */
  short?: string;
}

/** Checks that the text on the page has exactly the bound value. */
export function isFaithful(shown: string, bound: string): boolean {
  try {
    return canonical(JSON.parse(shown)) === bound;
  } catch {
    return false;
  }
}

export function Arguments(props: { text: string; label: string; onReading?: (reading: Reading) => void }) {
  const bound = useMemo(() => fromCanonical(props.text), [props.text]);
  if (!bound) return <Unreadable {...props} />;
  return <Readable {...props} value={bound.value} />;
}

function Unreadable(props: { text: string; onReading?: (reading: Reading) => void }) {
  useEffect(
    () => props.onReading?.({ done: false, missing: "The arguments cannot be shown exactly.", short: "ambiguous" }),
    [props.text],
  );
  return (
    <div class="arguments unreadable">
      <p>These arguments are ambiguous, so they cannot be allowed here.</p>
      <UntrustedText text={props.text} />
    </div>
  );
}

function Readable(props: { text: string; label: string; value: unknown; onReading?: (reading: Reading) => void }) {
  const all = useMemo(() => lines(props.value), [props.value]);
  const warned = useMemo(() => notes(props.value), [props.value]);
  const [shown, setShown] = useState(LINES_FIRST);
  const body = useRef<HTMLDivElement>(null);
  useReading(body, all.length <= shown, props.text, props.onReading);
  const left = all.length - shown;
  return (
    <div class="arguments">
      {warned.length > 0 && <Notes notes={warned} />}
      <div ref={body} class="json" role="group" aria-label={props.label} data-arguments>
        {all.slice(0, shown).map((line, place) => (
          <LineView key={place} line={line} />
        ))}
      </div>
      {left > 0 && (
        <button type="button" class="more" onClick={() => setShown(shown + LINES_MORE)}>
          Show {Math.min(left, LINES_MORE).toLocaleString("en")} of {left.toLocaleString("en")} more lines
        </button>
      )}
    </div>
  );
}

function useReading(
  body: RefObject<HTMLDivElement | null>,
  complete: boolean,
  text: string,
  tell: ((reading: Reading) => void) | undefined,
): void {
  const seen = useReadCoverage(body, complete);
  useEffect(() => {
    if (!tell) return;
    const faithful = complete && isFaithful(body.current?.textContent ?? "", text);
    let missing = "";
    if (!complete) missing = "Read everything first: show the remaining lines.";
    else if (!faithful) missing = "This page does not show the real arguments. Deny the request and report it.";
    else if (!seen.all) missing = `Read everything first: ${seen.percent} % was in view.`;
    tell({ done: seen.all && faithful, missing, ...(complete && !faithful ? { short: "page was changed" } : {}) });
  }, [seen, complete, text]);
}

export function LineView({ line }: { line: Line }) {
  return (
    <div class={line.continues ? "line on" : "line"} style={{ "--depth": Math.min(line.depth, 16) }}>
      {line.parts.map((part, place) => (
        <PartView key={place} part={part} />
      ))}
    </div>
  );
}

function PartView({ part }: { part: Part }) {
  return part.kind === "plain" ? part.text : <span class={`p-${part.kind}`}>{part.text}</span>;
}

function Notes(props: { notes: Note[] }) {
  const shown = props.notes.slice(0, NOTES_MAX);
  return (
    <div class="notes" role="note">
      <Icon name="eye" />
      <div>
        <strong>Warning</strong>
        <ul>
          {shown.map((note, place) => (
            <li key={place}>
              {note.path !== "" && (
                <>
                  <code>
                    <UntrustedText text={note.path.slice(1)} />
                  </code>{" "}
                </>
              )}
              <UntrustedText text={note.message} />
            </li>
          ))}
          {props.notes.length > shown.length && <li>and {props.notes.length - shown.length} more places</li>}
        </ul>
      </div>
    </div>
  );
}
