//! Log levels.

use briefcase_json::raw::RawObject;

/// The log levels, least severe first.
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
/// The severity of `error`.
const ERROR: u8 = 4;

/// The severity of a level.
pub(crate) fn level(name: &str) -> Option<u8> {
    LEVELS.iter().position(|level| *level == name).and_then(|place| u8::try_from(place).ok())
}

/// The severity of a log message with these raw `params`. A message without a known level counts as an error.
pub(crate) fn level_of(params: &[u8]) -> u8 {
    let named = RawObject::from_slice(params).and_then(|members| members.string("level"));
    named.as_deref().and_then(level).unwrap_or(ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_an_unlabelled_message_is_not_hidden() {
        assert!(level("debug") < level("info") && level("error") < level("emergency"));
        assert_eq!(level("error"), Some(ERROR));
        assert_eq!(level("loud"), None);
        assert_eq!(level_of(br#"{"level":"alert","data":1}"#), 6);
        assert_eq!(level_of(b"[]"), 4);
    }
}
