//! Requests of a server for a secret of the person: a PIN, a passphrase, a password, a key, a seed, a token.
//!
//! Nobody needs to type a secret into a question of a server: Briefcase gives a server its credentials. Such a question is
//! therefore the mark of phishing, and the engine refuses it unless a person allowed that server to ask.
//!
//! Words of the larger languages are known, in any spelling that looks like them: other scripts, digits for letters, spelled
//! out, split by hidden characters. A rule about words has gaps, so a person should never type the Briefcase PIN into
//! anything but Briefcase.

mod other_scripts;
mod words;

use briefcase_json::raw::{self, RawObject};
use briefcase_types::text::is_deceptive;
use serde_json::Value;

use crate::look_alikes;

/// The place where a server asks for a secret, and the word that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRequest {
    /// The JSON pointer in the request's parameters.
    pub place: String,
    /// The word.
    pub word: &'static str,
}

/// Returns where the parameters of `elicitation/create` ask for a secret, in form and URL mode. Texts, names, titles,
/// descriptions and choices count. Addresses do not: they name parameters such as `token` for a machine.
#[must_use]
pub fn asks_for_secret(params: &Value) -> Option<SecretRequest> {
    visit(params, "", false)
}

/// Marks the messages of a request that asks for a secret, or of the error that names such requests. Returns `None` for
/// parameters that are no object.
#[must_use]
pub fn mark_secret_request(params: &[u8], server: &str) -> Option<String> {
    let members = RawObject::from_slice(params)?;
    if let Some(listed) = members.get("elicitations").and_then(raw::elements) {
        let marked: Option<Vec<String>> =
            listed.into_iter().map(|request| mark_secret_request(request.as_bytes(), server)).collect();
        return Some(members.with(&[("elicitations", Some(&format!("[{}]", marked?.join(","))))]));
    }
    let message = members.string("message").unwrap_or_default();
    let mark = format!("[Briefcase: the server `{server}` asks for a secret. Never enter your Briefcase PIN here.]");
    if message.starts_with(&mark) {
        return Some(members.with(&[]));
    }
    Some(members.with(&[("message", Some(&raw::quote(&format!("{mark} {message}"))))]))
}

/// Visits a value. The members of `properties` are the names of a form's fields.
fn visit(value: &Value, place: &str, is_properties: bool) -> Option<SecretRequest> {
    let found = |word| SecretRequest { place: place.to_owned(), word };
    match value {
        Value::String(text) => secret_word(text, false).map(found),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| visit(item, &format!("{place}/{index}"), false))
        }
        Value::Object(members) => {
            members.iter().filter(|(name, member)| !is_for_machines(name, member)).find_map(|(name, member)| {
                let inner = format!("{place}/{}", briefcase_json::pointer::token(name));
                let field = (is_properties && !is_harmless(name, member)).then(|| secret_word(name, true)).flatten();
                let format = (name == "format" && member == "password").then_some("password");
                let here = field.or(format).map(|word| SecretRequest { place: inner.clone(), word });
                here.or_else(|| visit(member, &inner, name == "properties"))
            })
        }
        _ => None,
    }
}

/// A member that no person reads.
fn is_for_machines(name: &str, member: &Value) -> bool {
    name == "_meta"
        || (member.is_string() && matches!(name, "url" | "mode" | "elicitationId" | "requestState" | "$schema"))
}

/// A field whose name is a secret's only by chance: a random seed is a number, and to pin something is a choice.
fn is_harmless(name: &str, field: &Value) -> bool {
    match field.get("type").and_then(Value::as_str) {
        Some("boolean") => true,
        Some("integer" | "number") => name.eq_ignore_ascii_case("seed") || name.to_ascii_lowercase().contains("tokens"),
        _ => false,
    }
}

/// Returns the word of a text that asks for a secret. The name of a field asks by itself; a sentence has to ask.
fn secret_word(text: &str, is_field: bool) -> Option<&'static str> {
    let visible: String = text.chars().filter(|character| !is_deceptive(*character)).take(TEXT_MAX).collect();
    let native = visible.to_lowercase();
    if let Some(word) = other_scripts::OTHER_SCRIPTS.iter().find(|word| native.contains(*word)) {
        return Some(word);
    }
    let tokens = tokens(&visible);
    let joined = format!(" {} ", tokens.join(" "));
    let as_phrase = |noun: &&&str| joined.contains(&format!(" {noun} ")) || joined.contains(&format!(" {noun}s "));
    let inside = |noun: &&&str| {
        let compact = noun.replace(' ', "");
        compact.len() >= INSIDE_MIN && tokens.iter().any(|token| token.contains(&compact))
    };
    if let Some(noun) = words::STRONG.iter().find(|noun| as_phrase(noun) || inside(noun)) {
        return Some(noun);
    }
    // Capitals tell the noun from the verb.
    if visible.split(|character: char| !character.is_alphanumeric()).any(|word| matches!(word, "PIN" | "PINs" | "OTP"))
    {
        return Some("pin");
    }
    let asks = is_field || tokens.iter().any(|token| words::ASKING.contains(&token.as_str()));
    let weak = |noun: &&&str| {
        let places = tokens.iter().enumerate().filter(|(_, token)| **token == ***noun || **token == format!("{noun}s"));
        places.into_iter().any(|(place, _)| !has_harmless_neighbour(&tokens, place))
    };
    let noun = words::WEAK.iter().find(weak).copied().filter(|_| asks);
    noun.or_else(|| poses_as_briefcase(&tokens).then_some("briefcase"))
}

/// The maximum number of characters of one text that are read.
const TEXT_MAX: usize = 1 << 16;
/// The minimum length of a noun that also counts inside a longer word, such as `Masterpasswort`.
const INSIDE_MIN: usize = 6;

/// Returns whether the word beside makes it another thing: `primary key`, `max tokens`.
fn has_harmless_neighbour(tokens: &[String], place: usize) -> bool {
    let at = |place: Option<usize>| place.and_then(|place| tokens.get(place)).map(String::as_str).unwrap_or_default();
    words::HARMLESS_BEFORE.contains(&at(place.checked_sub(1)))
        || words::HARMLESS_AFTER.contains(&at(place.checked_add(1)))
}

/// Returns whether a text names Briefcase together with something to type.
fn poses_as_briefcase(tokens: &[String]) -> bool {
    let says = |words: &[&str]| tokens.iter().any(|token| words.contains(&token.as_str()));
    tokens.iter().any(|token| token.contains("briefcase")) && says(&words::TO_TYPE)
}

/// Splits a text into words of lower-case ASCII: at everything but letters and digits, and in `camelCase`. Look-alikes become
/// ASCII, digits inside words become letters, and a word that is spelled out becomes one.
fn tokens(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in text.chars() {
        let letter = if character.is_ascii() { None } else { look_alikes::ascii(character).map(char::from) };
        let plain = letter.unwrap_or(character);
        let begins = character.is_uppercase() && was_small;
        let belongs = plain.is_alphanumeric() || matches!(plain, '@' | '$' | '!' | '|');
        if begins || !belongs {
            words.push(String::new());
        }
        was_small = character.is_lowercase();
        // A mark above the letter before it is no letter.
        if belongs && let Some(word) = words.last_mut() {
            word.extend(plain.to_lowercase());
        }
    }
    let words = words.into_iter().map(|word| letters(&word)).filter(|word| !word.is_empty());
    let mut tokens: Vec<String> = Vec::new();
    let mut spelled = false;
    for word in words {
        let single = word.chars().count() == 1;
        match tokens.last_mut() {
            Some(last) if single && spelled => last.push_str(&word),
            _ => tokens.push(word),
        }
        spelled = single;
    }
    tokens
}

/// Reads digits and signs inside a word as the letters that they look like.
fn letters(word: &str) -> String {
    let word = word.trim_matches(['!', '|']);
    if !word.chars().any(char::is_alphabetic) {
        return word.to_owned();
    }
    let letter = |character| match character {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    word.chars().map(letter).collect()
}

#[cfg(test)]
mod tests;
