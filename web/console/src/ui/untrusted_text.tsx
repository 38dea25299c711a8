/** Untrusted text inside a sentence: hidden and imitating characters are shown as in arguments. */
import { useMemo } from "preact/hooks";
import { pieces } from "../args/deceptive.ts";

export function UntrustedText(props: { text: string }) {
  const all = useMemo(() => pieces(props.text), [props.text]);
  return (
    <span class="safe">
      {all.map((piece, place) =>
        piece.kind === "plain" ? (
          unquoted(piece.text)
        ) : (
          <span key={place} class={`p-${piece.kind}`}>
            {piece.text}
          </span>
        ),
      )}
    </span>
  );
}

/** Outside of a JSON literal, quotes and backslashes are literal. */
function unquoted(text: string): string {
  return text.replace(/\\(["\\])/g, "$1");
}

/** A sentence of the daemon, with `commands` between backticks. */
export function Prose(props: { text: string }) {
  return (
    <>
      {props.text.split("`").map((part, place) =>
        place % 2 === 0 ? (
          <UntrustedText key={place} text={part} />
        ) : (
          <code key={place}>
            <UntrustedText text={part} />
          </code>
        ),
      )}
    </>
  );
}
