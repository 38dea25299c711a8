/**
 * The admin API's types, as `crates/api` defines them. They are not checked at run time, because the daemon that
 * responds also serves this page.
 */

export interface Question {
  id: string;
  agent: string;
  session: string;
  server: string;
  operation: string;
  name: string;
  pin: string;
  /** The canonical JSON text that will be sent. Every display of the arguments is derived from it. */
  arguments: string;
  cost?: string;
  class: string;
  risk: string;
  labels: string[];
  policies: string[];
  authority_version: number;
  once_only: boolean;
  asked: number;
  expires: number;
  digest: string;
}

export type Decision =
  | { decision: "deny" }
  | { decision: "allow"; scope: "once" | "session_exact" | "session_tool" }
  | { decision: "allow"; scope: "rule"; fixed: string[]; seconds: number };

export interface Decided {
  decision: string;
  receipt: string;
}

export type Change =
  | { change: "enable_server"; name: string; enabled: boolean }
  | { change: "accept_tools"; server: string; probe: string; tools: string[] }
  | { change: "revoke_grant"; id: string }
  | { change: "add_passkey"; label: string; credential: unknown };

export interface Preview {
  digest: string;
  lines: string[];
  from_version: number;
}

export interface Applied {
  version: number;
  receipt: string;
}

export interface ProblemBody {
  code: string;
  message: string;
  next_step: string;
}

export interface Status {
  version: string;
  state: string;
  problem?: ProblemBody;
  started: number;
  authority_version: number;
  receipts: number;
  approvals: number;
  sessions: number;
  servers: number;
}

export type ServerSpec =
  | { transport: "http"; url: string; headers?: { name: string; value: string; secret?: string }[] }
  | {
      transport: "stdio";
      argv: string[];
      env?: Record<string, string>;
      secret_env?: Record<string, string>;
      cwd?: string | null;
    };

export interface ServerView {
  name: string;
  spec: ServerSpec;
  enabled: boolean;
  tools: number;
  connections: number;
  reads_granted: boolean;
}

export interface FieldDifference {
  path: string;
  old?: string;
  new?: string;
}

export interface ToolView {
  server: string;
  name: string;
  state: string;
  class: string;
  risk: string;
  cost?: string;
  summary: string;
  hints: string[];
  flags: string[];
  differences: FieldDifference[];
}

export interface Probe {
  digest: string;
  protocol: string;
  calls_itself: string;
  tools: ToolView[];
  resources: number;
  prompts: number;
  took_ms: number;
}

export interface GrantView {
  id: string;
  agent: string;
  server: string;
  tool: string;
  fixed: unknown;
  expires: number;
}

export interface BudgetView {
  scope: string;
  window: string;
  limit: string;
  used: string;
  permille: number;
}

export interface FactorView {
  id: string;
  kind: string;
  label: string;
  created: number;
}

export interface AgentView {
  name: string;
  created: number;
  sessions: number;
  labels: string[];
}

export interface Check {
  name: string;
  severity: "ok" | "warn" | "fail";
  message: string;
  next_step?: string;
}

export interface PolicyText {
  text: string;
  schema?: string;
}

export interface PolicyReport {
  ok: boolean;
  problems: string[];
  policies: string[];
  replay: string[];
}

/** A receipt as recorded. Its members depend on its kind; see `crates/receipts/src/form.rs`. */
export type Receipt = { k: string; at: number } & Record<string, unknown>;

export interface ReceiptRow {
  id: string;
  receipt: Receipt;
}

export interface ReceiptPage {
  receipts: ReceiptRow[];
  size: number;
  next?: number;
}

export interface Proof {
  leaf: string;
  path: string[];
  checkpoint: string;
  text: string;
}

export interface ReceiptDetail extends ReceiptRow {
  opening?: unknown;
  related: ReceiptRow[];
  proof: Proof;
}

export interface Why {
  id: string;
  summary: string;
  policies: { id?: string; line?: number; text?: string }[];
  approvals: ReceiptRow[];
}
