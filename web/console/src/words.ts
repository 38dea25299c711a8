/** The console's words for the daemon's stable ones. An unknown word is shown as it is, never hidden. */
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
  unknown: { text: "Effect unknown", tone: "warn", icon: "unknown" },
};

const RISKS: Record<string, Display> = {
  low: { text: "Low risk", tone: "good", icon: "check" },
  medium: { text: "Medium risk", tone: "warn", icon: "alert" },
  high: { text: "High risk", tone: "bad", icon: "alert" },
};

const LABELS: Record<string, string> = {
  untrusted_content: "has read text anybody could have written",
  private_data: "has read your private data",
  external: "can send data outside",
};

const FLAGS: Record<string, string> = {
  HiddenCharacters: "characters that nobody sees",
  HiddenText: "text hidden in markup",
  Orders: "orders to the model",
  Persuasion: "praise of itself, or warnings of other tools",
  Harvesting: "a parameter for what the model knows",
  SecretFiles: "names of files that hold secrets",
};

export function classWord(word: string): Display {
  return CLASSES[word] ?? { text: word, tone: "warn", icon: "unknown" };
}

export function riskWord(word: string): Display {
  return RISKS[word] ?? { text: `Risk: ${word}`, tone: "bad", icon: "alert" };
}

/** What an agent has seen, to follow its name. */
export function labelWord(word: string): string {
  return LABELS[word] ?? `carries the label ${word}`;
}

/** What looks odd in a tool's definition. */
export function flagWord(word: string): string {
  return FLAGS[word] ?? word;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

export function counted(many: number, one: string, more = `${one}s`): string {
  return `${many.toLocaleString("en")} ${many === 1 ? one : more}`;
}
