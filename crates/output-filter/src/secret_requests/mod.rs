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
    // A mark that the server wrote itself must not pass as one of Briefcase.
    let mark = if imitates_mark(&visible(&message)) { format!("{mark} {OWN_TEXT}") } else { mark };
    Some(members.with(&[("message", Some(&raw::quote(&format!("{mark} {message}"))))]))
}

/// What stands before a text that imitates a mark of Briefcase.
const OWN_TEXT: &str = "[All text after this is the server's own, also where it names Briefcase.]";

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
    // Nobody reads so long a question. A part of it proves nothing about the rest.
    if text.len() > TEXT_MAX {
        return Some("text too long");
    }
    let visible = visible(text);
    if imitates_mark(&visible) {
        return Some("briefcase");
    }
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
        places.into_iter().any(|(place, _)| !has_harmless_neighbour(noun, &tokens, place))
    };
    let noun = words::WEAK.iter().find(weak).copied().filter(|_| asks);
    noun.or_else(|| poses_as_briefcase(&tokens).then_some("briefcase"))
}

/// The maximum length of one text, in bytes. A longer one counts as a request for a secret.
const TEXT_MAX: usize = 1 << 16;
/// The minimum length of a noun that also counts inside a longer word, such as `Masterpasswort`.
const INSIDE_MIN: usize = 6;

/// Returns whether the words beside make it another thing: `primary key`, `max tokens`.
fn has_harmless_neighbour(noun: &str, tokens: &[String], place: usize) -> bool {
    let Some(harmless) = words::HARMLESS.iter().find(|harmless| harmless.noun == noun) else { return false };
    let before = format!(" {}", tokens.get(place.saturating_sub(3)..place).unwrap_or_default().join(" "));
    let after = place.checked_add(1).and_then(|place| tokens.get(place)).map(String::as_str).unwrap_or_default();
    harmless.before.iter().any(|words| before.ends_with(&format!(" {words}"))) || harmless.after.contains(&after)
}

/// Returns the text as a person reads it: without hidden characters, without what the output filter puts in their place (a
/// code or a picture), and without escape sequences.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (character, after) = match (code(rest), after_escape(rest)) {
            (Some((character, after)), _) => (Some(character), after),
            (None, Some(after)) => (None, after),
            (None, None) => (Some(first), rest.get(first.len_utf8()..).unwrap_or_default()),
        };
        let is_picture = |character: &char| matches!(character, '\u{2400}'..='\u{2426}');
        out.extend(character.filter(|character| !is_deceptive(*character) && !is_picture(character)));
        rest = after;
    }
    out
}

/// Reads the code of a character, such as `\u{2800}`, and returns the text after it.
fn code(text: &str) -> Option<(char, &str)> {
    let (digits, after) = text.strip_prefix("\\u{")?.split_once('}')?;
    let is_hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let character = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex).and_then(char::from_u32)?;
    Some((character, after))
}

/// Returns the text after an escape sequence for a colour or a style.
fn after_escape(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix(['\u{1b}', '\u{241b}'])?.strip_prefix('[')?;
    let end = parameters.find(|character: char| !character.is_ascii_digit() && !matches!(character, ';' | ':'))?;
    let mut after = parameters.get(end..)?.chars();
    after.next().filter(char::is_ascii_alphabetic)?;
    Some(after.as_str())
}

/// Returns whether a text looks like a mark of Briefcase: its name behind a bracket, or before a colon.
fn imitates_mark(visible: &str) -> bool {
    let plain: String = visible
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character {
            '(' | '{' | '<' | '\u{ff3b}' | '\u{ff08}' | '\u{3010}' | '\u{3014}' | '\u{3016}' | '\u{27e6}'
            | '\u{27e8}' | '\u{300c}' | '\u{300e}' | '\u{2768}' | '\u{2772}' | '\u{2045}' => '[',
            '\u{ff1a}' | '\u{a789}' | '\u{2236}' | '\u{2d0}' | '\u{fe55}' => ':',
            other if other.is_ascii() => other,
            other => look_alikes::ascii(other).map_or(other, char::from),
        })
        .flat_map(char::to_lowercase)
        .map(letter)
        .collect();
    plain.contains("[briefcase") || plain.contains("briefcase:")
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
    word.chars().map(letter).collect()
}

/// The letter that a digit or a sign looks like.
const fn letter(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests;
