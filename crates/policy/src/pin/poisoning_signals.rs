//! Signals that a definition tries to steer a model or to harvest data. The person who accepts it sees them, and a
//! receipt records them.
//!
//! Invariant: they are never an input to a decision. The same rules limit a poisoned definition without any signal
//! (attack 1).

use std::collections::BTreeSet;

use serde_json::Value;

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PoisoningSignal {
    /// Characters that a reader does not see.
    HiddenCharacters,
    /// Text that gives orders to a model: ignore, do not tell, first call.
    Orders,
    /// Text that praises the tool or turns the model away from others.
    Persuasion,
    /// A parameter that asks for what the model knows rather than what the tool needs.
    Harvesting,
    /// Names of files that hold secrets.
    SecretFiles,
    /// Markup that hides text, or a long encoded blob.
    HiddenText,
}

const ORDERS: &[&str] = &[
    "ignore previous",
    "ignore all",
    "ignore the above",
    "ignore any",
    "disregard",
    "do not tell",
    "don't tell",
    "do not mention",
    "don't mention",
    "without telling",
    "do not inform",
    "system prompt",
    "<important",
    "[important",
    "<system",
    "[system",
    "you must call",
    "you must first",
    "you should first",
    "must always be called",
    "before using this",
    "before using any",
    "before calling any",
    "after calling this tool",
    "after using this tool",
    "as a prerequisite",
    "override",
    "new instructions",
    "instruction:",
    "sidenote",
    "otherwise the tool will not work",
    "otherwise it will not work",
    "keep this secret",
    "secretly",
    "silently",
    "hidden instruction",
    "act as",
];

const PERSUASION: &[&str] = &[
    "best tool",
    "the best ",
    "better than any",
    "better than other",
    "in the world",
    "always use this",
    "always choose this",
    "prefer this tool",
    "most reliable tool",
    "use this tool instead",
    "instead of any other",
    "instead of other",
    "top priority",
    "highest priority",
    "use this first",
    "only tool you",
    "number one tool",
    "recommended over",
    "superior to",
    "do not use other",
    "don't use other",
    "never use other",
    "deprecated in favor",
    "replaces all other",
    "you will be rewarded",
    "official tool",
    "trusted by everyone",
];

const HARVESTING: &[&str] = &[
    "llm_model",
    "model_name",
    "model_id",
    "llm_name",
    "conversation",
    "chat_history",
    "message_history",
    "system_prompt",
    "previous_messages",
    "all_messages",
    "tool_list",
    "available_tools",
    "tools_available",
    "mcp_servers",
    "agent_name",
    "agent_memory",
    "user_profile",
    "user_info",
    "environment_variables",
    "env_vars",
    "api_key",
    "apikey",
    "access_token",
    "auth_token",
    "password_hint",
    "private_key",
    "ssh_key",
    "sidenote",
    "side_note",
    "reasoning",
    "chain_of_thought",
    "thoughts_so_far",
    "session_token",
    "credentials",
];

const SECRET_FILES: &[&str] = &[
    ".ssh",
    "id_rsa",
    "id_ed25519",
    ".aws/",
    ".env",
    "mcp.json",
    "claude_desktop_config",
    ".netrc",
    ".npmrc",
    "/etc/passwd",
    "/etc/shadow",
    ".kube/config",
    ".gnupg",
    "keychain",
    "wallet.dat",
    ".git-credentials",
];

/// Returns the signals in a definition. Telemetry: the count is measured, and no decision depends on it.
#[must_use]
pub fn poisoning_signals(definition: &Value) -> BTreeSet<PoisoningSignal> {
    let mut found = BTreeSet::new();
    let mut names = Vec::new();
    visit(definition, &mut |text| check_text(text, &mut found));
    parameter_names(definition.get("inputSchema"), &mut names);
    let harvests = |name: &&String| {
        let name = name.to_ascii_lowercase();
        name == "context" || HARVESTING.iter().any(|sign| name.contains(sign))
    };
    if names.iter().any(|name| harvests(&name)) {
        found.insert(PoisoningSignal::Harvesting);
    }
    found
}

fn check_text(text: &str, found: &mut BTreeSet<PoisoningSignal>) {
    if briefcase_output_filter::neutralise(text).is_some() {
        found.insert(PoisoningSignal::HiddenCharacters);
    }
    let plain: String = text.chars().filter(|character| !briefcase_types::text::is_deceptive(*character)).collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let lists = [
        (PoisoningSignal::Orders, ORDERS),
        (PoisoningSignal::Persuasion, PERSUASION),
        (PoisoningSignal::SecretFiles, SECRET_FILES),
        (PoisoningSignal::HiddenText, &["<!--", "display:none", "display: none", "visibility:hidden", "font-size:0"]),
    ];
    found.extend(lists.iter().filter(|(_, list)| list.iter().any(|sign| words.contains(sign))).map(|(sign, _)| *sign));
    let encoded = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if words.split(' ').any(|word| word.len() >= 120 && word.bytes().all(encoded)) {
        found.insert(PoisoningSignal::HiddenText);
    }
}

fn visit(value: &Value, text: &mut impl FnMut(&str)) {
    match value {
        Value::String(value) => text(value),
        Value::Array(items) => items.iter().for_each(|item| visit(item, text)),
        Value::Object(members) => {
            for (name, member) in members {
                text(name);
                visit(member, text);
            }
        }
        _ => {}
    }
}

fn parameter_names(schema: Option<&Value>, names: &mut Vec<String>) {
    let Some(properties) = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        names.push(name.clone());
        parameter_names(Some(property), names);
    }
}
