/**
 * The admin contract, generated from `crates/api` by `cargo xtask codegen`. Do not edit. Its types are not checked at
 * run time, because the daemon that responds also serves this page.
 */

/** A receipt as recorded. Its members depend on its kind; see `crates/receipts/src/form.rs`. */
export type Receipt = { k: string; at: number } & Record<string, unknown>;

/** An approval request. It holds everything that a person is shown, and `digest` covers all of it. */
export type ApprovalRequest = {
  /** The request's id, which is also the nonce in the digest. */
  id: string;
  /** The agent that makes the call. */
  agent: string;
  /** The agent's session. */
  session: string;
  /** The server that the call goes to. */
  server: string;
  /** The operation's word: `call_tool`, `read_resource`, `get_prompt`, … */
  operation: string;
  /** The tool's or prompt's name, or the resource's URI. */
  name: string;
  /** The definition's pin. */
  pin: string;
  /** The exact arguments: the canonical JSON text that will be sent. */
  arguments: string;
  /** The price that a person put on the tool, such as `1.50 USD`. */
  cost?: string;
  /** The tool's class: `read`, `write` or `unknown`. */
  class: string;
  /** The call's risk: `low`, `medium` or `high`. */
  risk: string;
  /** The labels of the agent: `untrusted_content`, `private_data`. */
  labels: Array<string>;
  /** The ids of the policies that require a person. */
  policies: Array<string>;
  /** The version of the authority document that policy was evaluated under. */
  authority_version: number;
  /** Whether the decision may cover this one call only. */
  once_only: boolean;
  /** The time at which the request was opened. */
  asked: number;
  /** The time at which the request expires. */
  expires: number;
  /** The digest of all of the above. A decision names the digest that the person was shown. */
  digest: string;
};
/** The reach of a permission. It is never broader than the request that the person saw. */
export type ApprovalScope =
  | { scope: "once" }
  | { scope: "session_exact" }
  | { scope: "session_tool" }
  | {
      scope: "rule";
      /** Arguments that must equal the request's. The others may differ. */
      fixed: Array<string>;
      /** The rule's lifetime in seconds. */
      seconds: number;
    };
/**
 * A person's decision.
 *
 * Its JSON is what a factor's proof is bound to: `{"decision":"deny"}`, or `{"decision":"allow","scope":"once"}` and so on.
 */
export type Decision = { decision: "deny" } | ({ decision: "allow" } & ApprovalScope);
/** The result of a decision, without its scope. */
export type DecisionResult = "approved" | "denied";
/** A decision without its proof: the person is about to make the evidence for it. */
export type DecisionOnly = { decision: "deny" } | ({ decision: "allow" } & ApprovalScope);
/** The digest that evidence has to be made for. */
export type Bound = {
  /** The digest. */
  digest: string;
};
/** Evidence that a person is present. */
export type Evidence = { pin: string } | { passkey: unknown };
/** A decision with its proof. */
export type Decide = {
  /** The digest of the request that the person was shown. */
  shown: string;
  /** The decision. */
  decision: Decision;
  /** The proof, made for the digest of `decision-digest`. */
  evidence: Evidence;
};
/** A decision was recorded. */
export type Decided = {
  /** The decision's result. */
  decision: DecisionResult;
  /** The receipt that records the decision. */
  receipt: string;
};
/** One change. */
export type Change =
  | {
      change: "add_agent";
      /** Its name. */
      name: string;
    }
  | {
      change: "remove_agent";
      /** Its name. */
      name: string;
    }
  | {
      change: "add_server";
      /** Its name. */
      name: string;
      /** How to reach it. */
      spec: ServerSpec;
      /** The digest of the [`crate::Probe`] the person saw: what is pinned is what was shown. */
      probe: string;
      /** Tools the person calls reads (they run without asking). The rest ask. */
      reads: Array<string>;
      /** Resources and prompts may be read without asking. */
      reads_granted: boolean;
    }
  | {
      change: "remove_server";
      /** Its name. */
      name: string;
    }
  | {
      change: "enable_server";
      /** Its name. */
      name: string;
      /** On or off. */
      enabled: boolean;
    }
  | {
      change: "accept_tools";
      /** The server. */
      server: string;
      /** The digest of the [`crate::Probe`] the person saw. */
      probe: string;
      /** Which tools; empty means all that changed. */
      tools: Array<string>;
    }
  | {
      change: "set_tool";
      /** The server. */
      server: string;
      /** The tool. */
      tool: string;
      /** `read`, `write` or `unknown`. */
      class: string | null;
      /** Such as `0.01 USD`; empty removes the price. */
      cost: string | null;
      /** Labels of its results: `private_data`, `untrusted_content`, `external`. */
      labels: Array<string> | null;
    }
  | {
      change: "set_policy";
      /** Cedar. */
      text: string;
    }
  | {
      change: "set_budget";
      /** Only this agent. */
      agent: string | null;
      /** Only this server. */
      server: string | null;
      /** Only this tool (with `server`). */
      tool: string | null;
      /** `call`, `hour`, `day`, `month` or `all`. */
      window: string;
      /** A number of calls such as `100`, or money such as `5.00 USD`; `None` removes. */
      limit: string | null;
    }
  | {
      change: "set_secret";
      /** Its name. */
      name: string;
      /** Its value. Only ever on its way in. */
      value: string;
    }
  | {
      change: "remove_secret";
      /** Its name. */
      name: string;
    }
  | {
      change: "revoke_grant";
      /** Its id. */
      id: string;
    }
  | {
      change: "add_passkey";
      /** A name for the person. */
      label: string;
      /** JSON of the `PublicKeyCredential` from `navigator.credentials.create`. */
      credential: unknown;
    }
  | {
      change: "set_pin";
      /** The new PIN. */
      pin: string;
    }
  | {
      change: "remove_factor";
      /** Its id. */
      id: string;
    }
  | {
      change: "set_passphrase";
      /** The new passphrase. */
      passphrase: string;
    };
/** What a change would do. */
export type Preview = {
  /** Make the evidence for this digest: it covers the change and the document it applies to. */
  digest: string;
  /** What changes, a line each, for a person. */
  lines: Array<string>;
  /** The document's version now. */
  from_version: number;
};
/** A change with its proof. */
export type Apply = {
  /** The change, as previewed. */
  change: Change;
  /** The digest of the preview. */
  digest: string;
  /** The proof for that digest. */
  evidence: Evidence;
};
/** A change was recorded and is in force. */
export type Applied = {
  /** The document's version now. */
  version: number;
  /** The receipt. */
  receipt: string;
  /** A new agent's credential, shown once. */
  token?: string;
};
/** What went wrong and what to do next. */
export type Problem = {
  /**
   * Stable code in `snake_case`, such as `locked`, `wrong_pin`, `locked_out`, `no_such_question`, `not_found`,
   * `invalid`, `conflict`, `factor_required`, `unavailable`, `rate_limited`, `forbidden`.
   */
  code: string;
  /** What happened, for a person. */
  message: string;
  /** What to do about it, often a command. */
  next_step: string;
};
/** The daemon at a glance. Served while locked too. */
export type Status = {
  /** Daemon version. */
  version: string;
  /** `locked`, `ready`, or `failed` (the record cannot be written). */
  state: string;
  /** What failed, and what to do. */
  problem?: Problem;
  /** Since when it runs. */
  started: number;
  /** Version of the authority document. */
  authority_version: number;
  /** Receipts in the log. */
  receipts: number;
  /** Open questions. */
  approvals: number;
  /** Connected sessions. */
  sessions: number;
  /** Registered servers. */
  servers: number;
  /** The console's address, without authority. */
  console?: string;
};
/** How bad a finding is. */
export type Severity = "ok" | "warn" | "fail";
/** One finding of `doctor`. */
export type Check = {
  /** Stable name, such as `undumpable`. */
  name: string;
  /** How it stands. */
  severity: Severity;
  /** What was found. */
  message: string;
  /** What to do, when something is to be done. */
  next_step?: string;
};
/** An agent. */
export type AgentView = {
  /** Its name. */
  name: string;
  /** When it was added. */
  created: number;
  /** Connected sessions. */
  sessions: number;
  /** What it has seen lately. */
  labels: Array<string>;
};
/** An HTTP header sent with every request to one server. */
export type HeaderTemplate = {
  /** The field name. */
  name: string;
  /** The value, with [`SECRET_PLACEHOLDER`] in the secret's place. */
  value: string;
  /** The secret in the value. */
  secret?: string;
};
/** The contract's form of a [`Transport`]: secrets of the environment are members of their own. */
export type ServerSpec =
  | {
      transport: "http";
      /** The endpoint. */
      url: string;
      /** Static header credentials. */
      headers: Array<HeaderTemplate>;
    }
  | {
      transport: "stdio";
      /** Program and arguments. */
      argv: Array<string>;
      /** Environment: literal values. */
      env: Record<string, string>;
      /** Environment: names of secrets. */
      secret_env: Record<string, string>;
      /** Working folder. */
      cwd: string | null;
    };
/** One difference between two definitions. */
export type FieldDifference = {
  /** JSON pointer. */
  path: string;
  /** Before, as JSON text. */
  old?: string;
  /** After, as JSON text. */
  new?: string;
};
/** A tool. */
export type ToolView = {
  /** Its server. */
  server: string;
  /** Its name as the server gives it. */
  name: string;
  /** `accepted`, `changed`, `new`, `gone` or `quarantined`. */
  state: string;
  /** `read`, `write` or `unknown`: what the person said. */
  class: string;
  /** `low`, `medium` or `high`. */
  risk: string;
  /** Price per call. */
  cost?: string;
  /** The server's own title or first line of its description, made printable. */
  summary: string;
  /** What the server claims (`readOnlyHint`, …); never lowers the risk. */
  hints: Array<string>;
  /** What looks odd in the definition. */
  flags: Array<string>;
  /** For `changed`: what changed. */
  differences: Array<FieldDifference>;
};
/** What a server offers right now. */
export type Probe = {
  /** Covers everything below; a change that accepts it names this digest. */
  digest: string;
  /** `2025-11-25`, `2026-07-28`, … */
  protocol: string;
  /** What the server calls itself, made printable; never used to tell servers apart. */
  calls_itself: string;
  /** Its tools. */
  tools: Array<ToolView>;
  /** Number of resources and templates. */
  resources: number;
  /** Number of prompts. */
  prompts: number;
  /** How long it took, in milliseconds. */
  took_ms: number;
};
/** A server. */
export type ServerView = {
  /** Its name. */
  name: string;
  /** How it is reached (secrets by name only). */
  spec: ServerSpec;
  /** On or off. */
  enabled: boolean;
  /** Accepted tools. */
  tools: number;
  /** Live connections. */
  connections: number;
  /** Resources and prompts may be read without asking. */
  reads_granted: boolean;
};
/** A standing rule. */
export type GrantView = {
  /** Its id. */
  id: string;
  /** Whose. */
  agent: string;
  /** Where. */
  server: string;
  /** Which tool. */
  tool: string;
  /** Which arguments have to be equal to what. */
  fixed: unknown;
  /** When it ends. */
  expires: number;
};
/** A budget and where it stands. */
export type BudgetView = {
  /** For a person, such as `agent claude-code, server mail`. */
  scope: string;
  /** `call`, `hour`, `day`, `month` or `all`. */
  window: string;
  /** Such as `100 calls` or `5.00 USD`. */
  limit: string;
  /** Spent and reserved in this window, same unit. */
  used: string;
  /** Used, in thousandths of the limit. */
  permille: number;
};
/** A secret's name. There is no route that gives its value. */
export type SecretView = {
  /** Its name. */
  name: string;
  /** How often it was replaced. */
  version: number;
  /** Servers that use it. */
  used_by: Array<string>;
};
/** A factor. */
export type FactorView = {
  /** Its id. */
  id: string;
  /** `pin` or `passkey`. */
  kind: string;
  /** The person's name for it. */
  label: string;
  /** When it was enrolled. */
  created: number;
};
/**
 * Options for `navigator.credentials`, as WebAuthn defines their JSON: `PublicKeyCredentialRequestOptions` from
 * `/v1/challenge`, `PublicKeyCredentialCreationOptions` from `/v1/passkey/begin`.
 */
export type WebAuthnOptions = Record<string, unknown>;
/** A passkey that a browser made. It is enrolled only after a person allows it. */
export type PasskeyOffer = {
  /** The person's name for the passkey. */
  label: string;
  /** JSON of the `PublicKeyCredential` from `navigator.credentials.create`. */
  credential: unknown;
};
/** The passkey that waits to be allowed. */
export type PasskeyOfferView = {
  /** The person's name for the passkey. */
  label: string;
  /** A short code over the credential. The person compares the code in the browser with the one at the terminal. */
  code: string;
};
/** A policy text. */
export type PolicyText = {
  /** Cedar. */
  text: string;
  /** The Cedar schema it is checked against (in answers). */
  schema?: string;
};
/** Whether a policy text can be used. */
export type PolicyReport = {
  /** Usable. */
  ok: boolean;
  /** Problems with line, column and a suggestion. */
  problems: Array<string>;
  /** Policy ids in the text. */
  policies: Array<string>;
  /** What would have been decided otherwise among recent calls. */
  replay: Array<string>;
};
/** A user's own case. */
export type PolicyCase = {
  /** For the report. */
  name: string;
  /** Who calls. */
  agent: string;
  /** Where. */
  server: string;
  /** Which tool. */
  tool: string;
  /** With what. */
  arguments: unknown;
  /** What the agent has seen. */
  labels: Array<string>;
  /** `allow`, `ask` or `deny`. */
  expect: string;
};
/** Cases to run, against a text or the policy in force. */
export type PolicyTest = {
  /** A text to try instead of the one in force. */
  text: string | null;
  /** The cases. */
  cases: Array<PolicyCase>;
};
/** What a case gave. */
export type PolicyCaseResult = {
  /** The case. */
  name: string;
  /** What was expected. */
  expect: string;
  /** What was decided. */
  got: string;
  /** By which policies. */
  policies: Array<string>;
};
/** The outcome of a test run. */
export type PolicyTestReport = {
  /** One per case. */
  results: Array<PolicyCaseResult>;
  /** Number of cases that went otherwise than expected. */
  failed: number;
};
/** Which receipts, newest first. */
export type ReceiptQuery = {
  /** Only receipts below this index. */
  before: number | null;
  /** At most so many (default 50, cap 1000). */
  limit: number | null;
  /** Only of this agent. */
  agent: string | null;
  /** Only of this server. */
  server: string | null;
  /** Only of this tool. */
  tool: string | null;
  /** `intent`, `outcome`, `refusal`, `approval`, `change`, … */
  kind: string | null;
  /** Only refusals with this code. */
  code: string | null;
  /** Not before. */
  since: number | null;
};
/** One receipt in a list. */
export type ReceiptRow = {
  /** Its index. */
  id: string;
  /** The receipt itself, as recorded. */
  receipt: Receipt;
};
/** A page of receipts. */
export type ReceiptPage = {
  /** Newest first. */
  receipts: Array<ReceiptRow>;
  /** Receipts in the log. */
  size: number;
  /** Ask for `before` this for the next page. */
  next?: number;
};
/** That a receipt is in the log. */
export type Proof = {
  /** RFC 6962 leaf hash of the receipt. */
  leaf: string;
  /** Inclusion path, leaf to root. */
  path: Array<string>;
  /** The signed checkpoint (C2SP signed note). */
  checkpoint: string;
  /** The whole as C2SP `tlog-proof` text, for `briefcase receipts verify`. */
  text: string;
};
/** One receipt with everything about it. */
export type ReceiptDetail = {
  /** Its index. */
  id: string;
  /** As recorded. */
  receipt: Receipt;
  /** What it commits to (arguments, result sizes), if it was kept and the vault is open. */
  opening?: unknown;
  /** Other receipts of the same call. */
  related: Array<ReceiptRow>;
  /** The proof. */
  proof: Proof;
};
/** A policy that decided about a call. */
export type DecidingPolicy = {
  /** The policy's id. */
  id: string;
  /** The line that the policy begins on, counted from 1. Absent when the policy is no longer in the text. */
  line?: number;
  /** The policy's text. */
  text: string;
};
/** Why a call was allowed, asked or refused. */
export type Why = {
  /** The receipt asked about. */
  id: string;
  /** One sentence. */
  summary: string;
  /** The policies that decided. */
  policies: Array<DecidingPolicy>;
  /** The approval's receipts, if a person was asked. */
  approvals: Array<ReceiptRow>;
};
/** The one-time code from the address. */
export type ConsoleCode = {
  /** The code. */
  code: string;
};
/** A console session. */
export type ConsoleSession = {
  /** Send as `Authorization: Bearer`. Kept in memory only; never a cookie. */
  token: string;
};
