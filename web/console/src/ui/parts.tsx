/** Small components for every page. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../session/client.ts";
import { Icon, type IconName } from "./icon.tsx";
import { Prose, UntrustedText } from "./untrusted_text.tsx";

export type Tone = "plain" | "good" | "warn" | "bad" | "info";

export function Badge(props: { tone?: Tone; icon?: IconName; children: ComponentChildren }) {
  return (
    <span class={`badge ${props.tone ?? "plain"}`}>
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </span>
  );
}

export function ProblemNote({ problem }: { problem: Problem | undefined }) {
  if (!problem) return null;
  return (
    <div class="problem" role="alert">
      <Icon name="alert" />
      <p>
        <strong>
          <UntrustedText text={problem.message} />
        </strong>{" "}
        <Prose text={problem.nextStep} />
      </p>
    </div>
  );
}

export function Empty(props: { icon: IconName; title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={props.icon} />
      <h2>{props.title}</h2>
      <div>{props.children}</div>
    </div>
  );
}

export function PageHead(props: { title: string; children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <h1>{props.title}</h1>
      {props.children && <p>{props.children}</p>}
    </header>
  );
}

/** Copies a text and announces it to screen readers. */
export function Copy(props: { text: string; what: string; named?: boolean }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () => navigator.clipboard.writeText(props.text).then(() => setDone(true));
  return (
    <button type="button" class="copy" onClick={() => void copy()} aria-label={`Copy ${props.what}`}>
      <span aria-live="polite">{done ? "Copied" : props.named ? `Copy ${props.what}` : "Copy"}</span>
    </button>
  );
}

/** A digest: shortened on screen, copied in full. */
export function Digest(props: { digest: string; what: string }) {
  return (
    <span class="digest">
      <code title={props.digest}>{props.digest.slice(0, 12)}…</code>
      <Copy text={props.digest} what={props.what} />
    </span>
  );
}

export function Command({ children }: { children: string }) {
  return (
    <span class="command">
      <code>{children}</code>
      <Copy text={children} what="command" />
    </span>
  );
}
