//! Prints what the console's port serves of the contract as TypeScript. `cargo xtask codegen` formats it and writes it to the console's sources.
#![expect(clippy::print_stdout, reason = "the declarations are its output")]

use briefcase_api::{
    AgentView, Applied, Apply, Bound, BudgetView, Change, Check, ClockStatus, ConsoleCode, ConsoleSession, Decide,
    Decided, DecidingPolicy, DecisionOnly, DefinitionProblem, Evidence, FactorView, FieldDifference, GrantView,
    PasskeyOffer, PasskeyOfferView, PolicyCase, PolicyCaseResult, PolicyReport, PolicyTest, PolicyTestReport,
    PolicyText, Preview, Probe, Problem, Proof, ReceiptDetail, ReceiptPage, ReceiptQuery, ReceiptRow, SecretView,
    ServerSpec, ServerView, Severity, Status, ToolView, WebAuthnOptions, Why,
};
use briefcase_types::{
    ApprovalRequest, ApprovalScope, Decision, DecisionResult, HeaderTemplate, LoopbackOwner, ServerSettings, Settings,
};
use ts_rs::{Config, TS};

const HEADER: &str = "\
/**
 * The admin contract, generated from `crates/api` by `cargo xtask codegen`. Do not edit. Its types are not checked at
 * run time, because the daemon that responds also serves this page.
 */

/** A receipt as recorded. Its members depend on its kind; see `crates/receipts/src/form.rs`. */
export type Receipt = { k: string; at: number } & Record<string, unknown>;
";

/// Prints the declaration of each type, in this order.
macro_rules! declare {
    ($config:expr, $($name:ty),+ $(,)?) => { $(declare::<$name>($config);)+ };
}

fn main() {
    // JSON numbers of the contract stay below 2^53.
    let config = Config::new().with_large_int("number");
    println!("{HEADER}");
    declare!(&config, ApprovalRequest, ApprovalScope, Decision, DecisionResult, DecisionOnly, Bound, Evidence);
    declare!(
        &config,
        Decide,
        Decided,
        LoopbackOwner,
        ServerSettings,
        Settings,
        Change,
        Preview,
        Apply,
        Applied,
        Problem,
        ClockStatus,
        Status,
        Severity,
        Check
    );
    declare!(
        &config,
        AgentView,
        HeaderTemplate,
        ServerSpec,
        FieldDifference,
        DefinitionProblem,
        ToolView,
        Probe,
        ServerView
    );
    declare!(&config, GrantView, BudgetView, SecretView, FactorView, WebAuthnOptions, PasskeyOffer, PasskeyOfferView);
    declare!(&config, PolicyText, PolicyReport, PolicyCase, PolicyTest, PolicyCaseResult, PolicyTestReport);
    declare!(&config, ReceiptQuery, ReceiptRow, ReceiptPage, Proof, ReceiptDetail, DecidingPolicy, Why);
    declare!(&config, ConsoleCode, ConsoleSession);
}

fn declare<T: TS>(config: &Config) {
    let declaration = format!("{}export {}\n", T::docs().unwrap_or_default(), T::decl(config));
    println!("{}", on_one_line(&declaration));
}

/// Writes comments of one line as `/** … */`.
fn on_one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = Vec::new();
    let mut rest = lines.as_slice();
    while let Some((line, after)) = rest.split_first() {
        if let ["/**", comment, " */", beyond @ ..] = rest
            && let Some(comment) = comment.strip_prefix(" * ")
        {
            out.push(format!("/** {comment} */"));
            rest = beyond;
        } else {
            out.push((*line).to_owned());
            rest = after;
        }
    }
    out.join("\n")
}
