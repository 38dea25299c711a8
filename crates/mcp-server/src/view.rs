//! Translates between a view's names and the servers' own names.

use std::str::FromStr as _;

use briefcase_types::ServerId;

/// The servers that a connection shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// All servers enabled for the agent: `server__tool`, `server+scheme://…`.
    All,
    /// One server, with its own bare names.
    One(ServerId),
}

impl View {
    /// Splits the name of a tool or prompt. The text before the first `__` names the server: server names contain no `_`.
    pub(crate) fn split_name<'a>(&self, name: &'a str) -> Option<(ServerId, &'a str)> {
        self.split(name, "__")
    }

    /// Splits a URI or URI template. The text before the first `+` names the server: server names contain no `+`.
    pub(crate) fn split_uri<'a>(&self, uri: &'a str) -> Option<(ServerId, &'a str)> {
        self.split(uri, "+")
    }

    fn split<'a>(&self, text: &'a str, separator: &str) -> Option<(ServerId, &'a str)> {
        match self {
            Self::One(server) => Some((server.clone(), text)),
            Self::All => {
                let (server, rest) = text.split_once(separator)?;
                Some((ServerId::from_str(server).ok()?, rest))
            }
        }
    }

    /// The view's name of a tool or prompt.
    pub(crate) fn join_name(&self, server: &ServerId, name: &str) -> String {
        match self {
            Self::One(_) => name.to_owned(),
            Self::All => format!("{server}__{name}"),
        }
    }

    /// The view's URI (or template) of a resource.
    pub(crate) fn join_uri(&self, server: &ServerId, uri: &str) -> String {
        match self {
            Self::One(_) => uri.to_owned(),
            Self::All => format!("{server}+{uri}"),
        }
    }

    /// Whether the view's names differ from the servers' own.
    pub(crate) const fn renames(&self) -> bool {
        matches!(self, Self::All)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_split_at_the_first_separator_only() {
        let server = |name: &str| name.parse::<ServerId>().unwrap();
        assert_eq!(View::All.split_name("a__b__c"), Some((server("a"), "b__c")));
        assert_eq!(View::All.split_name("a___b"), Some((server("a"), "_b")));
        assert_eq!(View::All.split_uri("a+git+ssh://x"), Some((server("a"), "git+ssh://x")));
        for foreign in ["tool", "A__t", "a_b__t", "__t", "\u{430}__t", "a-__t"] {
            assert_eq!(View::All.split_name(foreign), None, "{foreign}");
        }
        assert_eq!(View::One(server("s")).split_name("a__b"), Some((server("s"), "a__b")));
    }

    proptest! {
        #[test]
        fn a_joined_name_splits_the_same_way(server in "[a-z]([a-z0-9-]{0,30}[a-z0-9])?", name in ".{0,40}") {
            let server: ServerId = server.parse().unwrap();
            for view in [View::All, View::One(server.clone())] {
                let joined = view.join_name(&server, &name);
                prop_assert_eq!(view.split_name(&joined), Some((server.clone(), name.as_str())));
                let joined = view.join_uri(&server, &name);
                prop_assert_eq!(view.split_uri(&joined), Some((server.clone(), name.as_str())));
            }
        }
    }
}
