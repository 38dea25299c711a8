//! Aliases of tools whose server gives them a name that is unsafe to show, or too long for agents.
//!
//! Invariant: an alias depends on the server's own name alone, so it is the same after a restart and in any order of the
//! list. No alias equals a name that a server can choose: own names in the form of an alias get an alias too.

use std::{fmt::Write as _, str::FromStr as _};

use super::ToolName;
use crate::Digest;

/// The longest name that agents see, with the name of its server. Hosts refuse longer ones.
const SHOWN_MAX: usize = 64;
/// The longest readable part of an alias.
const READABLE_MAX: usize = 40;
/// The shortest readable part of a shown alias, whatever the server's name is.
const READABLE_MIN: usize = 8;
const MARK: &str = "-x";
const DIGITS: usize = 16;

impl ToolName {
    /// The name here of a tool, from its server's own name for it: the same name where it is safe, else an alias. `None`
    /// for an empty name.
    #[must_use]
    pub fn of_server(own: &str) -> Option<Self> {
        match Self::from_str(own) {
            Ok(name) if !name.is_alias() => Some(name),
            _ if own.is_empty() => None,
            _ => Self::from_str(&alias(own, READABLE_MAX)).ok(),
        }
    }

    /// Returns whether the name has the form of an alias: no server's own name.
    #[must_use]
    pub fn is_alias(&self) -> bool {
        split(self.as_str()).is_some()
    }

    /// The name that agents see of this tool of `server`: an alias if another shown name looks the same, or if the name
    /// is too long beside the server's.
    #[must_use]
    pub fn shown(&self, server: &super::ServerId, looks_like_another: bool) -> Self {
        let room = SHOWN_MAX.saturating_sub(server.as_str().len()).saturating_sub("__".len());
        let short = self.as_str().len() <= room;
        if short && (!looks_like_another || self.is_alias()) {
            return self.clone();
        }
        let readable = room.saturating_sub(MARK.len()).saturating_sub(DIGITS).clamp(READABLE_MIN, READABLE_MAX);
        let text = match split(self.as_str()) {
            Some((start, digits)) => joined(start, digits, readable),
            None => alias(self.as_str(), readable),
        };
        Self::from_str(&text).unwrap_or_else(|_| self.clone())
    }

    /// Returns whether this is a name that [`ToolName::shown`] gives `tool`.
    #[must_use]
    pub fn is_shown_of(&self, tool: &Self) -> bool {
        let Some((start, digits)) = split(self.as_str()) else { return self == tool };
        match split(tool.as_str()) {
            Some((whole, same)) => digits == same && whole.starts_with(start),
            None => digits == code(tool.as_str()) && readable(tool.as_str(), READABLE_MAX).starts_with(start),
        }
    }
}

fn alias(own: &str, readable_max: usize) -> String {
    joined(&readable(own, READABLE_MAX), &code(own), readable_max)
}

fn joined(start: &str, digits: &str, readable_max: usize) -> String {
    format!("{}{MARK}{digits}", crate::text::clip(start, readable_max))
}

/// The first 64 bits of a digest of the name. Two names with the same digits would get one alias; such tools are
/// quarantined.
fn code(own: &str) -> String {
    let digest = Digest::labelled("briefcase/tool-alias/1", &[own.as_bytes()]);
    digest.as_bytes().iter().take(DIGITS / 2).fold(String::with_capacity(DIGITS), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The characters of a name that are safe everywhere, runs of others as one `_`.
fn readable(own: &str, max: usize) -> String {
    let mut out = String::new();
    for character in own.chars() {
        match character {
            safe if safe.is_ascii_alphanumeric() || safe == '-' => out.push(safe),
            _ if out.ends_with('_') || out.is_empty() => {}
            _ => out.push('_'),
        }
        if out.len() >= max {
            break;
        }
    }
    let out = out.trim_end_matches('_');
    if out.is_empty() { "tool".to_owned() } else { out.to_owned() }
}

fn split(name: &str) -> Option<(&str, &str)> {
    let (start, digits) = name.split_at_checked(name.len().checked_sub(DIGITS)?)?;
    let start = start.strip_suffix(MARK).filter(|start| !start.is_empty())?;
    digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some((start, digits))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn own(text: &str) -> ToolName {
        ToolName::of_server(text).unwrap()
    }

    #[test]
    fn safe_names_stay_and_others_get_an_alias_of_their_own() {
        for safe in ["read", "get_sum.v2-x", "_", &"a".repeat(128)] {
            assert_eq!(own(safe).as_str(), safe);
        }
        let odd = [
            "git/status",
            "git:status",
            "git status",
            "git_status ",
            " git_status",
            "g\u{456}t_status",
            "git\u{200b}status",
            "git\u{ff0f}status",
            "\u{65e5}\u{672c}",
            "\u{1f600}",
            "\n",
            "\u{0}",
            "git\\status",
            "git\"status",
            "../x",
            "gi\u{301}t",
            "g\u{ed}t",
            &"a".repeat(129),
            &"a".repeat(5000),
            &"\u{65e5}".repeat(300),
        ];
        let mut seen = BTreeSet::new();
        for name in odd {
            let here = own(name);
            assert!(here.is_alias() && here.as_str().len() <= SHOWN_MAX, "{name:?} {here}");
            assert!(here.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{here}");
            assert_eq!(here, own(name), "the same again");
            assert!(seen.insert(here), "{name:?}");
        }
        assert_eq!(ToolName::of_server(""), None);
        assert!(own("git/status").as_str().starts_with("git_status-x"));
    }

    #[test]
    fn no_server_can_choose_the_alias_of_another_tool() {
        let alias = own("git/status");
        let forged = own(alias.as_str());
        assert_ne!(forged, alias);
        let server = "files".parse().unwrap();
        let shown = own("get-list").shown(&server, true);
        assert_ne!(own(shown.as_str()), shown);
        assert!(!shown.is_shown_of(&own(shown.as_str())));
    }

    #[test]
    fn agents_see_short_names_that_lead_back_to_one_tool() {
        let names = [
            "read",
            "git/status",
            &"a".repeat(65),
            &"a".repeat(128),
            &format!("{}b", "a".repeat(127)),
            "get_list",
            "get-list",
        ];
        for server in ["s", "files", &"s".repeat(32)] {
            let server: crate::ServerId = server.parse().unwrap();
            for looks_like_another in [false, true] {
                let shown: Vec<_> = names.iter().map(|name| own(name).shown(&server, looks_like_another)).collect();
                assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), names.len());
                for (place, shown) in shown.iter().enumerate() {
                    assert!(server.as_str().len() + 2 + shown.as_str().len() <= SHOWN_MAX, "{shown}");
                    for (other, name) in names.iter().enumerate() {
                        assert_eq!(shown.is_shown_of(&own(name)), place == other, "{shown} {name}");
                    }
                }
            }
            assert_eq!(own("read").shown(&server, false).as_str(), "read");
        }
    }
}
