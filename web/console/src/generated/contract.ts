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
  /** The server's own name for the tool, made printable, where `name` is an alias of it. */
  own_name?: string;
  /** The definition's pin. */
  pin: string;
  /** The exact arguments: the canonical JSON text that will be sent. */
  arguments: string;
  /** The members that are sent beside the arguments, such as `_meta` and `task`: canonical JSON text of an object. */
  beside?: string;
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
/** A decision without its evidence, which the person is about to make. */
export type DecisionOnly = { decision: "deny" } | ({ decision: "allow" } & ApprovalScope);
/** The digest that evidence is bound to. */
export type Bound = {
  /** The digest. */
  digest: string;
};
/** Evidence that a person is present. */
export type Evidence = { pin: string } | { passkey: unknown };
/** A decision with its evidence. */
export type Decide = {
  /** The digest of the request that the person was shown. */
  shown: string;
  /** The decision. */
  decision: Decision;
  /** The evidence, made for the digest that `decision-digest` returned. */
  evidence: Evidence;
};
/** A recorded decision. */
export type Decided = {
  /** The decision's result. */
  decision: DecisionResult;
  /** The receipt that records the decision. */
  receipt: string;
};
/** The owner of a listening port of this machine. */
export type LoopbackOwner = {
  /** The user id. */
  user: number;
  /** The program's file. Absent for a process that the daemon may not look into, such as one of another user. */
  program?: string;
  /** The digest of the program's file, arguments and working directory. */
  command?: string;
};
/** The settings of one server. Each default is the strict choice. */
export type ServerSettings = {
  /** The time to start the server and to answer the handshake, in seconds. [`ServerSettings::START_TIMEOUT`] when absent. */
  start_timeout_s?: number;
  /** The longest message of the server, in bytes. [`ServerSettings::MESSAGE_BYTES`] when absent. */
  message_bytes?: number;
  /** Whether a local server gets pipes instead of socket pairs. Other processes of the same user can write into pipes. */
  pipes?: boolean;
  /** The `_meta` members of an agent's calls that are sent to the server. */
  forward_meta?: Array<string>;
  /** Whether the server receives the name and version of the agent's client. */
  client_identity?: boolean;
  /** Whether the server may ask the person for a PIN, a password or a key. Such a request is marked. */
  ask_for_secrets?: boolean;
  /**
   * The process that listened on the port of this machine when the server was accepted. The server's secret is sent to
   * no other.
   */
  loopback_owner?: LoopbackOwner;
};
/** The settings of the whole briefcase. */
export type Settings = {
  /**
   * How long an agent keeps a label after it last received labelled data, in seconds while the daemon runs.
   * [`Settings::LABEL_SECONDS`] when absent.
   */
  label_seconds?: number;
};
/**
 * One change.
 *
 * `S` is the type of its confidential text: `String` for a client, [`crate::Confidential`] for the daemon, and
 * [`ConfidentialDigest`] in a preview.
 */
export type Change =
  | {
      change: "add_agent";
      /** The agent's name. */
      name: string;
    }
  | {
      change: "remove_agent";
      /** The agent's name. */
      name: string;
    }
  | {
      change: "add_server";
      /** The server's name. */
      name: string;
      /** How to reach the server. */
      spec: ServerSpec;
      /** The digest of the [`crate::Probe`] that the person saw. Exactly the shown tools are pinned. */
      probe: string;
      /** The tools of class `read`, which run without an approval. The others need one. */
      reads: Array<string>;
      /** Whether resources and prompts may be read without an approval. */
      reads_granted: boolean;
    }
  | {
      change: "remove_server";
      /** The server's name. */
      name: string;
    }
  | {
      change: "enable_server";
      /** The server's name. */
      name: string;
      /** Whether the server is enabled. */
      enabled: boolean;
    }
  | {
      change: "set_server";
      /** The server's name. */
      name: string;
      /** All its settings. An absent one gets its default. */
      settings: ServerSettings;
    }
  | {
      change: "set_settings";
      /** All settings. An absent one gets its default. */
      settings: Settings;
    }
  | {
      change: "accept_tools";
      /** The server. */
      server: string;
      /** The digest of the [`crate::Probe`] that the person saw. */
      probe: string;
      /** The tools to accept. Empty means every tool that changed. */
      tools: Array<string>;
      /** Whether the server may go on changing the descriptive text that the probe showed as different. */
      changing?: boolean;
    }
  | {
      change: "set_tool";
      /** The server. */
      server: string;
      /** The tool. */
      tool: string;
      /** The class: `read`, `write` or `unknown`. */
      class: string | null;
      /** The price, such as `0.01 USD`. Empty text removes it. */
      cost: string | null;
      /** The labels of the tool's results: `private_data`, `untrusted_content`, `external`. */
      labels: Array<string> | null;
    }
  | {
      change: "set_policy";
      /** The Cedar text. */
      text: string;
    }
  | {
      change: "set_budget";
      /** The agent that the budget is limited to. */
      agent: string | null;
      /** The server that the budget is limited to. */
      server: string | null;
      /** The tool of `server` that the budget is limited to. */
      tool: string | null;
      /** The window: `call`, `hour`, `day`, `month` or `all`. */
      window: string;
      /** A number of calls such as `100`, or money such as `5.00 USD`. `None` removes the budget. */
      limit: string | null;
    }
  | {
      change: "set_secret";
      /** The secret's name. */
      name: string;
      /** The secret's value. No response contains it. */
      value: string;
    }
  | {
      change: "remove_secret";
      /** The secret's name. */
      name: string;
    }
  | {
      change: "revoke_grant";
      /** The grant's id. */
      id: string;
    }
  | {
      change: "add_passkey";
      /** The person's name for the passkey. */
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
      /** The factor's id. */
      id: string;
    }
  | {
      change: "set_passphrase";
      /** The new passphrase. */
      passphrase: string;
    }
  | {
      change: "accept_clock";
      /** The time of the computer's clock that the person saw ([`crate::ClockStatus::computer`]). */
      time: number;
    };
/** The effect of a change. */
export type Preview = {
  /** The digest that evidence is bound to. It covers the change and the document that it applies to. */
  digest: string;
  /** The effects for a person, one line each. */
  lines: Array<string>;
  /** The document's current version. */
  from_version: number;
};
/** A change with its evidence. */
export type Apply = {
  /** The change, exactly as previewed. */
  change: Change;
  /** The digest of the preview. */
  digest: string;
  /** The evidence for that digest. */
  evidence: Evidence;
};
/** The record of a change that is in force. */
export type Applied = {
  /** The document's new version. */
  version: number;
  /** The receipt of the change. */
  receipt: string;
  /** The credential of a new agent, returned once. */
  token?: string;
};
/** An error and the next step. */
export type Problem = {
  /**
   * The stable code in `snake_case`, such as `locked`, `wrong_pin`, `locked_out`, `no_such_question`, `not_found`,
   * `invalid`, `conflict`, `factor_required`, `unavailable`, `rate_limited`, `forbidden`.
   */
  code: string;
  /** The message for a person. */
  message: string;
  /** The next step, often a command. */
  next_step: string;
};
/** The record's time beside the computer's clock. */
export type ClockStatus = {
  /** The record's time. */
  now: number;
  /** The time of the computer's clock. */
  computer: number;
  /** The reason why they differ, and the next step. */
  problem?: Problem;
};
/** The state of the daemon. Served while the vault is locked too. */
export type Status = {
  /** The daemon's version. */
  version: string;
  /** The state: `locked`, `ready`, or `failed` (the record cannot be written). */
  state: string;
  /** The failure, and the next step. */
  problem?: Problem;
  /** The record's time beside the computer's clock. */
  clock?: ClockStatus;
  /** The time at which the daemon started. */
  started: number;
  /** The version of the authority document. */
  authority_version: number;
  /** The number of receipts in the log. */
  receipts: number;
  /** The number of pending approval requests. */
  approvals: number;
  /** The number of connected sessions. */
  sessions: number;
  /** The number of registered servers. */
  servers: number;
  /** The console's address. It grants no access by itself. */
  console?: string;
};
/** The severity of a finding. */
export type Severity = "ok" | "warn" | "fail";
/** One finding of `doctor`. */
export type Check = {
  /** The stable name, such as `undumpable`. */
  name: string;
  /** The severity. */
  severity: Severity;
  /** The finding, for a person. */
  message: string;
  /** The next step, if there is one. */
  next_step?: string;
};
/** An agent. */
export type AgentView = {
  /** The agent's name. */
  name: string;
  /** The time at which the agent was added. */
  created: number;
  /** The number of connected sessions. */
  sessions: number;
  /** The labels of what the agent has read lately. */
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
      /** The URL. */
      url: string;
      /** Headers sent with every request. */
      headers: Array<HeaderTemplate>;
      /** The settings that differ from their defaults. */
      settings?: ServerSettings;
    }
  | {
      transport: "stdio";
      /** Program and arguments. */
      argv: Array<string>;
      /** Environment variables with literal values. */
      env: Record<string, string>;
      /** Environment variables whose values are secrets, by name. */
      secret_env: Record<string, string>;
      /** The working directory; the home folder when absent. */
      cwd: string | null;
      /** The settings that differ from their defaults. */
      settings?: ServerSettings;
    };
/** One difference between two definitions. */
export type FieldDifference = {
  /** The JSON pointer of the changed value. */
  path: string;
  /** The old value, as JSON text. */
  old?: string;
  /** The new value, as JSON text. */
  new?: string;
  /** Whether the value only describes, so that a person may accept that the server changes it. */
  may_vary?: boolean;
};
/** A part of a definition that cannot be checked or used. */
export type DefinitionProblem = {
  /** The JSON pointer of the part. */
  path: string;
  /** The value as JSON text, cut. Empty when it is absent. */
  value: string;
  /** The reason. */
  reason: string;
};
/** A tool. */
export type ToolView = {
  /** The tool's server. */
  server: string;
  /** The tool's name here: the server's own, or an alias of it. */
  name: string;
  /** The server's own name, made printable, where `name` is an alias of it. */
  own_name?: string;
  /** The name that agents see, where it differs from `name`. */
  shown_name?: string;
  /** The state: `accepted`, `changed`, `new`, `gone` or `quarantined`. */
  state: string;
  /** The class that a person set: `read`, `write` or `unknown`. */
  class: string;
  /** The risk: `low`, `medium` or `high`. */
  risk: string;
  /** The price per call. */
  cost?: string;
  /** The server's own title or first line of its description, made printable. */
  summary: string;
  /** The server's claims (`readOnlyHint`, …). They never lower the risk. */
  hints: Array<string>;
  /** The poisoning signals found in the definition. */
  flags: Array<string>;
  /** The differences of a `changed` tool. */
  differences: Array<FieldDifference>;
  /** The differences between two looks at the server, one after the other: it changes its definitions. */
  between_looks?: Array<FieldDifference>;
  /** The places of the definition whose text the server may change, as a person accepted. */
  varying?: Array<string>;
  /** The parts of the definition that are not checked, or that quarantine the tool. */
  unchecked?: Array<DefinitionProblem>;
  /** Whether no part of the arguments can be checked. Then every call asks, whatever the class is. */
  always_asks?: boolean;
  /** The next step for the person. */
  next_step?: string;
};
/** The current offer of a server. */
export type Probe = {
  /** The digest of the offer. A change that accepts the offer names it. */
  digest: string;
  /** The protocol version: `2025-11-25`, `2026-07-28`, … */
  protocol: string;
  /** The server's own name, made printable. Never used to tell servers apart. */
  calls_itself: string;
  /** The server's tools. */
  tools: Array<ToolView>;
  /** The number of resources and templates. */
  resources: number;
  /** The number of prompts. */
  prompts: number;
  /** The duration of the probe, in milliseconds. */
  took_ms: number;
  /** What a person should know besides: an incomplete list, the listener of a port of this machine. */
  notes?: Array<string>;
};
/** A server. */
export type ServerView = {
  /** The server's name. */
  name: string;
  /** How the server is reached, with secrets by name only. */
  spec: ServerSpec;
  /** Whether the server is enabled. */
  enabled: boolean;
  /** The number of accepted tools. */
  tools: number;
  /** The number of open connections. */
  connections: number;
  /** Whether resources and prompts may be read without an approval. */
  reads_granted: boolean;
  /** The settings that differ from their defaults. */
  settings?: ServerSettings;
  /** Whether the server is on this machine, gets a secret, and no listener of its port was accepted. */
  unbound_listener?: boolean;
};
/** A saved approval. */
export type GrantView = {
  /** The grant's id. */
  id: string;
  /** The agent. */
  agent: string;
  /** The server. */
  server: string;
  /** The tool. */
  tool: string;
  /** The rule for each argument. */
  fixed: unknown;
  /** The time at which the grant expires. */
  expires: number;
};
/** A budget and its use. */
export type BudgetView = {
  /** The scope for a person, such as `agent claude-code, server mail`. */
  scope: string;
  /** The window: `call`, `hour`, `day`, `month` or `all`. */
  window: string;
  /** The limit, such as `100 calls` or `5.00 USD`. */
  limit: string;
  /** The amount spent and reserved in this window, in the same unit. */
  used: string;
  /** The used amount in thousandths of the limit. */
  permille: number;
};
/** A secret without its value, which no route returns. */
export type SecretView = {
  /** The secret's name. */
  name: string;
  /** The version, counted from 1. */
  version: number;
  /** The servers that use the secret. */
  used_by: Array<string>;
};
/** A factor. */
export type FactorView = {
  /** The factor's id. */
  id: string;
  /** The kind: `pin` or `passkey`. */
  kind: string;
  /** The person's name for the factor. */
  label: string;
  /** The time of the enrolment. */
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
  /** The Cedar text. */
  text: string;
  /** The Cedar schema that the text is checked against. Only in responses. */
  schema?: string;
};
/** The result of checking a policy text. */
export type PolicyReport = {
  /** Whether the text is valid. */
  ok: boolean;
  /** The problems, with line, column and a suggestion. */
  problems: Array<string>;
  /** The ids of the policies in the text. */
  policies: Array<string>;
  /** The recent calls that the text decides differently. */
  replay: Array<string>;
};
/** A test case of a policy. */
export type PolicyCase = {
  /** The name in the report. */
  name: string;
  /** The calling agent. */
  agent: string;
  /** The server. */
  server: string;
  /** The tool. */
  tool: string;
  /** The arguments. */
  arguments: unknown;
  /** The labels of the agent. */
  labels: Array<string>;
  /** The expected verdict: `allow`, `ask` or `deny`. */
  expect: string;
};
/** Test cases for a policy text, or for the policy in force. */
export type PolicyTest = {
  /** The text to test instead of the one in force. */
  text: string | null;
  /** The cases. */
  cases: Array<PolicyCase>;
};
/** The result of one test case. */
export type PolicyCaseResult = {
  /** The case's name. */
  name: string;
  /** The expected verdict. */
  expect: string;
  /** The actual verdict. */
  got: string;
  /** The policies that decided. */
  policies: Array<string>;
};
/** The result of a test run. */
export type PolicyTestReport = {
  /** One result per case. */
  results: Array<PolicyCaseResult>;
  /** The number of failed cases. */
  failed: number;
};
/** A query for receipts, newest first. */
export type ReceiptQuery = {
  /** Only receipts below this index. */
  before: number | null;
  /** The most receipts in the page: 50 by default, 1000 at most. */
  limit: number | null;
  /** Only receipts of this agent. */
  agent: string | null;
  /** Only receipts about this server. */
  server: string | null;
  /** Only receipts about this tool. */
  tool: string | null;
  /** Only receipts of this kind: `intent`, `outcome`, `refusal`, `approval`, `change`, … */
  kind: string | null;
  /** Only refusals with this code. */
  code: string | null;
  /** Only receipts from this time on. */
  since: number | null;
};
/** One receipt in a list. */
export type ReceiptRow = {
  /** The receipt's index. */
  id: string;
  /** The receipt, as recorded. */
  receipt: Receipt;
};
/** A page of receipts. */
export type ReceiptPage = {
  /** The receipts, newest first. */
  receipts: Array<ReceiptRow>;
  /** The number of receipts in the log. */
  size: number;
  /** The `before` of the next page; absent on the last. */
  next?: number;
};
/** Proof that a receipt is in the log. */
export type Proof = {
  /** The RFC 6962 leaf hash of the receipt. */
  leaf: string;
  /** The inclusion path, leaf to root. */
  path: Array<string>;
  /** The signed checkpoint (C2SP signed note). */
  checkpoint: string;
  /** The whole proof as C2SP `tlog-proof` text, for `briefcase receipts verify`. */
  text: string;
};
/** One receipt with its opening, its related receipts and its proof. */
export type ReceiptDetail = {
  /** The receipt's index. */
  id: string;
  /** The receipt, as recorded. */
  receipt: Receipt;
  /** The content that the receipt commits to (arguments, result sizes). Absent when it was not kept. */
  opening?: unknown;
  /** The other receipts of the same call. */
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
/** The explanation of a decision on a call. */
export type Why = {
  /** The receipt that the request named. */
  id: string;
  /** The explanation in one sentence. */
  summary: string;
  /** The policies that decided. */
  policies: Array<DecidingPolicy>;
  /** The receipts of the approval, if there was one. */
  approvals: Array<ReceiptRow>;
};
/** The one-time code from the address. */
export type ConsoleCode = {
  /** The code. */
  code: string;
};
/** A console session. */
export type ConsoleSession = {
  /** The token for `Authorization: Bearer`. The console stores it in memory only, never in a cookie. */
  token: string;
};
