/** The display words for the daemon's stable words. An unknown word is shown as it is, never hidden. */
import type { IconName } from "./ui/icon.tsx";
import type { Tone } from "./ui/parts.tsx";

interface Display {
  text: string;
  tone: Tone;
  icon: IconName;
}

const CLASSES: Record<string, Display> = {
  read: { text: "Reads", tone: "plain", icon: "read" },
  write: { text: "Writes or changes", tone: "plain", icon: "write" },
  unknown: { text: "Unclassified", tone: "warn", icon: "unknown" },
};

const RISKS: Record<string, Display> = {
  low: { text: "Low risk", tone: "good", icon: "check" },
  medium: { text: "Medium risk", tone: "warn", icon: "alert" },
  high: { text: "High risk", tone: "bad", icon: "alert" },
};

const LABELS: Record<string, string> = {
  untrusted_content: "has read untrusted content",
  private_data: "has read private data",
  external: "can send data to external services",
};

const FLAGS: Record<string, string> = {
  HiddenCharacters: "hidden characters",
  HiddenText: "text hidden in markup",
  Orders: "possible prompt injection",
  Persuasion: "promotes itself or warns of other tools",
  Harvesting: "a parameter that collects the model’s context",
  SecretFiles: "names of files with secrets",
};

export function classWord(word: string): Display {
  return CLASSES[word] ?? { text: word, tone: "warn", icon: "unknown" };
}

export function riskWord(word: string): Display {
  return RISKS[word] ?? { text: `Risk: ${word}`, tone: "bad", icon: "alert" };
}

/** Describes a label of an agent or session. */
export function labelWord(word: string): string {
  return LABELS[word] ?? `has the label ${word}`;
}

/** Describes a warning about a tool's definition. */
export function flagWord(word: string): string {
  return FLAGS[word] ?? word;
}

/** Plain words for other stable words of receipts and checks. */
const PLAIN: Record<string, string> = {
  pin: "PIN",
  session: "for the session",
  rule: "with a saved approval",
  prompt_budget: "approval already pending",
  factor_refused: "authentication failed",
  question_refused: "server request denied",
  undumpable: "memory protection",
  own_user: "separate user",
  rollback: "rollback protection",
  void_credentials: "revoked credentials",
  record: "receipt log",
};

export function plainWord(word: string): string {
  return PLAIN[word] ?? word.replaceAll("_", " ");
}

const VERBS: Record<string, string> = {
  added: "Add",
  set: "Set",
  removed: "Remove",
  accepted: "Accept",
  enabled: "Enable",
  disabled: "Disable",
  updated: "Update",
};
const NOUNS: Record<string, string> = { factor: "authentication method", grant: "saved approval" };

/** Formats a line of a change, such as `server_added github`: "Add server github". Other lines stay unchanged. */
export function changeText(line: string): string {
  const [, noun = "", verb = "", rest = ""] = /^([a-z]+)_([a-z_]+)\b[ -]?(.*)$/s.exec(line) ?? [];
  if (noun === "") return line;
  const name = NOUNS[noun] ?? noun;
  const start = line.startsWith("policy_set") ? "Update policy" : `${VERBS[verb] ?? "Change"} ${name}`;
  return `${start}${verb in VERBS ? "" : ` ${plainWord(verb)}`} ${rest}`.trimEnd();
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

export function counted(many: number, one: string, more = `${one}s`): string {
  return `${many.toLocaleString("en")} ${many === 1 ? one : more}`;
}
