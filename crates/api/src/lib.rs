//! The admin contract: the JSON bodies that the CLI and the console exchange with the daemon over HTTP/1.1.
//!
//! Invariant: every request and response body of the admin API is a type of this crate or of `briefcase-types`.
//!
//! The contract runs on `admin.sock` (same user, peer checked) and, for the console, on `http://localhost:PORT` behind a session
//! token. Reading needs no factor. **Everything that gives power needs evidence that a person is present**: decisions on
//! approvals and changes of the authority document take an [`Evidence`] made for exactly the digest of that decision.
//!
//! | route | body → response |
//! |---|---|
//! | `GET /v1/status` | → [`Status`] |
//! | `POST /v1/unlock` | [`Unlock`] → [`Status`] |
//! | `POST /v1/lock` | → [`Status`] |
//! | `GET /v1/doctor` | → `[`[`Check`]`]` |
//! | `GET /v1/events` | → server-sent events named `approvals`, `authority`, `receipts` (without data: read the list again) |
//! | `GET /v1/approvals` | → `[`[`briefcase_types::ApprovalRequest`]`]` |
//! | `POST /v1/approvals/{id}/decision-digest` | [`DecisionOnly`] → [`Bound`] |
//! | `POST /v1/approvals/{id}/decide` | [`Decide`] → [`Decided`] |
//! | `POST /v1/challenge` | [`Bound`] → [`WebAuthnOptions`] |
//! | `GET /v1/agents`, `/v1/servers`, `/v1/tools`, `/v1/grants`, `/v1/budgets`, `/v1/secrets`, `/v1/factors` | → lists |
//! | `GET /v1/settings` | → [`briefcase_types::Settings`] |
//! | `POST /v1/servers/probe` | [`Look`] → [`Probe`]; a [`ServerSpec`] alone where it names no secret |
//! | `POST /v1/servers/{id}/test` | → [`Probe`] |
//! | `GET /v1/servers/{id}/listener` | → [`briefcase_types::LoopbackOwner`], or `null` |
//! | `GET /v1/policy` | → [`PolicyText`] |
//! | `POST /v1/policy/check` | [`PolicyText`] → [`PolicyReport`] |
//! | `POST /v1/policy/test` | [`PolicyTest`] → [`PolicyTestReport`] |
//! | `GET /v1/why/{receipt}` | → [`Why`] |
//! | `POST /v1/changes/preview` | [`Change`] with a [`ConfidentialDigest`] for each secret → [`Preview`] |
//! | `POST /v1/changes` | [`Apply`] → [`Applied`] |
//! | `POST /v1/passkey/begin` | → [`WebAuthnOptions`] |
//! | `POST /v1/passkey/offer` | [`PasskeyOffer`] → [`PasskeyOfferView`] |
//! | `GET /v1/passkey/offer` | → [`PasskeyOfferView`] |
//! | `GET /v1/receipts?...` | [`ReceiptQuery`] as query → [`ReceiptPage`] |
//! | `GET /v1/receipts/{r}` | → [`ReceiptDetail`] (with inclusion proof) |
//! | `GET /v1/log/checkpoint`, `/v1/log/key`, `/v1/log/tile/...` | C2SP tlog-tiles layout, bytes |
//! | `POST /v1/backup` | [`Backup`] → archive bytes |
//! | `POST /v1/console/login` | → [`ConsoleLogin`] |
//! | `POST /v1/console/session` | [`ConsoleCode`] → [`ConsoleSession`] (loopback only) |
//!
//! A secret, PIN or passphrase crosses the socket once, in `POST /v1/changes`. The preview names it by its digest, the proof
//! covers that digest, and a text of another digest is refused with `conflict`. The daemon checks the proof first, then seals.
//!
//! Errors are [`Problem`] with an HTTP status of 4xx or 5xx.

mod approvals;
mod changes;
mod confidential;
mod passkeys;
mod policy;
mod problem;
mod receipts;
mod views;

pub use approvals::{Bound, Decide, Decided, DecisionOnly, Evidence};
pub use changes::{Applied, Apply, Change, Preview};
pub use confidential::{Confidential, ConfidentialDigest};
pub use passkeys::{PasskeyOffer, PasskeyOfferView, WebAuthnOptions};
pub use policy::{PolicyCase, PolicyCaseResult, PolicyReport, PolicyTest, PolicyTestReport, PolicyText};
pub use problem::Problem;
pub use receipts::{DecidingPolicy, Proof, ReceiptDetail, ReceiptPage, ReceiptQuery, ReceiptRow, Why};
pub use views::{
    AgentView, Backup, BudgetView, Check, ClockStatus, ConsoleCode, ConsoleLogin, ConsoleSession, DefinitionProblem,
    FactorView, FieldDifference, GrantView, Look, Probe, SecretView, ServerSpec, ServerView, Severity, Status,
    ToolView, Unlock,
};
