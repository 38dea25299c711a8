//! Binary data in results: made well formed, and labelled with what it is.
//!
//! A wrong label or loose base64 costs neither the data nor the result around it:
//!
//! | the server sent | the agent gets |
//! |---|---|
//! | base64 without padding, with line breaks, in the URL alphabet, or in a `data:` URL | the same data in strict base64 |
//! | a picture or sound with the label of another one | the data with its own label, and a note |
//! | a picture or sound that is neither, or not the one on its label | a resource with its own label, and a note |
//! | a page or program as a picture or sound; data that is not base64 | a note in its place |
//!
//! Invariant: afterwards no data contradicts its label, and no page or program is called a picture or a sound.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use briefcase_json::raw::{self, RawObject};
use briefcase_types::text;

use super::{FilterRefusal, Flag, mime_sniff};

/// The longest declared type that a note repeats, in bytes.
const LABEL_SHOWN: usize = 80;
/// The number of characters that are decoded to recognise binary data.
const HEAD: usize = 1024;
/// The member of `_meta` that says what was changed.
const NOTE: &str = "briefcase/note";
/// The label of unrecognised data.
const UNKNOWN: &str = "application/octet-stream";

/// What happens to a content block.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// The data changes its spelling, without a note.
    Data(String),
    /// The block gets this label (and type), and its data in strict base64.
    Label {
        kind: Option<&'static str>,
        mime: String,
        data: String,
        note: String,
    },
    /// The data becomes a resource.
    Resource {
        mime: String,
        data: String,
        note: String,
    },
    /// The data is left out.
    Withhold(String),
}

/// Repairs the binary data of a result. Returns `None` when there is nothing to repair.
///
/// # Errors
/// [`FilterRefusal::BlobTooLarge`].
pub(super) fn repair(
    result: &str,
    blob_max: usize,
    flags: &mut BTreeSet<Flag>,
) -> Result<Option<String>, FilterRefusal> {
    let Some(members) = RawObject::parse(result) else { return Ok(None) };
    let mut repairer = Repairer { blob_max, notes: Vec::new(), changed: false };
    let content = members.get("content").map(|list| repairer.list(list)).transpose()?.flatten();
    let told = std::mem::take(&mut repairer.notes);
    let content = match (content, told.is_empty()) {
        (Some(list), false) => Some(with_notes(&list, &told)),
        (content, _) => content,
    };
    let contents = members.get("contents").map(|list| repairer.list(list)).transpose()?.flatten();
    let messages = members.get("messages").map(|list| repairer.messages(list)).transpose()?.flatten();
    if !repairer.changed {
        return Ok(None);
    }
    if !told.is_empty() || !repairer.notes.is_empty() {
        flags.insert(Flag::MediaCorrected);
    }
    let changes = [("content", content), ("contents", contents), ("messages", messages)];
    let changes: Vec<(&str, Option<&str>)> =
        changes.iter().filter_map(|(name, new)| Some((*name, Some(new.as_deref()?)))).collect();
    Ok(Some(members.with(&changes)))
}

/// Appends the notes to a list of content blocks.
fn with_notes(list: &str, notes: &[String]) -> String {
    let blocks = raw::elements(list).unwrap_or_default().into_iter().map(str::to_owned);
    let notes = notes.iter().map(|note| text_block(note));
    array(blocks.chain(notes))
}

fn text_block(note: &str) -> String {
    raw::object([("type", "\"text\""), ("text", &raw::quote(note))])
}

fn array(elements: impl Iterator<Item = String>) -> String {
    format!("[{}]", elements.collect::<Vec<_>>().join(","))
}

struct Repairer {
    blob_max: usize,
    notes: Vec<String>,
    changed: bool,
}

impl Repairer {
    /// Repairs the blocks of a list. Returns `None` when none changes, or the value is not a list.
    fn list(&mut self, list: &str) -> Result<Option<String>, FilterRefusal> {
        let Some(blocks) = raw::elements(list) else { return Ok(None) };
        let repaired: Vec<Option<String>> =
            blocks.iter().enumerate().map(|(place, block)| self.block(place, block)).collect::<Result<_, _>>()?;
        if repaired.iter().all(Option::is_none) {
            return Ok(None);
        }
        self.changed = true;
        let all = blocks.into_iter().zip(repaired).map(|(old, new)| new.unwrap_or_else(|| old.to_owned()));
        Ok(Some(array(all)))
    }

    /// Repairs the content of prompt messages, which is a block or a list.
    fn messages(&mut self, list: &str) -> Result<Option<String>, FilterRefusal> {
        let Some(messages) = raw::elements(list) else { return Ok(None) };
        let mut repaired = Vec::with_capacity(messages.len());
        let mut changed = false;
        for (place, message) in messages.into_iter().enumerate() {
            let members = RawObject::parse(message);
            let content = members.as_ref().and_then(|members| members.get("content"));
            let new = match content {
                Some(content) if content.starts_with('[') => self.list(content)?,
                Some(content) => self.block(place, content)?,
                None => None,
            };
            changed |= new.is_some();
            repaired.push(match (members, new) {
                (Some(members), Some(new)) => members.with(&[("content", Some(&new))]),
                _ => message.to_owned(),
            });
        }
        self.changed |= changed;
        Ok(changed.then(|| array(repaired.into_iter())))
    }

    /// Repairs a block, or the resource inside it.
    fn block(&mut self, place: usize, block: &str) -> Result<Option<String>, FilterRefusal> {
        let Some(members) = RawObject::parse(block) else { return Ok(None) };
        if let Some(resource) = members.get("resource") {
            let new = self.block(place, resource)?;
            return Ok(new.map(|new| members.with(&[("resource", Some(&new))])));
        }
        let kind = members.string("type").filter(|kind| matches!(&**kind, "image" | "audio"));
        let name = if kind.is_some() { "data" } else { "blob" };
        let Some(data) = members.get(name) else { return Ok(None) };
        let declared = members.string("mimeType");
        let verdict = inspect(place, kind.as_deref(), declared.as_deref(), data, self.blob_max)?;
        let (label, data, note) = match verdict {
            Verdict::Fine => return Ok(None),
            Verdict::Data(data) => return Ok(Some(members.with(&[(name, Some(&raw::quote(&data)))]))),
            Verdict::Withhold(note) => {
                self.notes.push(note.clone());
                if kind.is_some() {
                    return Ok(Some(text_block(&note)));
                }
                let meta = noted(&members, &note);
                return Ok(Some(members.with(&[(name, Some("\"\"")), ("_meta", Some(&meta))])));
            }
            Verdict::Resource { mime, data, note } => {
                self.notes.push(note.clone());
                let uri = raw::quote(&format!("briefcase:content/{}", place.saturating_add(1)));
                let (mime, data, meta) = (raw::quote(&mime), raw::quote(&data), noted(&members, &note));
                let resource = raw::object([("uri", &*uri), ("mimeType", &*mime), ("blob", &*data)]);
                return Ok(Some(raw::object([("type", "\"resource\""), ("resource", &*resource), ("_meta", &*meta)])));
            }
            Verdict::Label { kind, mime, data, note } => ((kind, mime), data, note),
        };
        self.notes.push(note.clone());
        let (kind, mime) = (label.0.map(raw::quote), raw::quote(&label.1));
        let (data, meta) = (raw::quote(&data), noted(&members, &note));
        let mut changes = vec![("mimeType", Some(&*mime)), (name, Some(&*data)), ("_meta", Some(&*meta))];
        changes.extend(kind.as_deref().map(|kind| ("type", Some(kind))));
        Ok(Some(members.with(&changes)))
    }
}

/// The block's `_meta` with a note.
fn noted(members: &RawObject<'_>, note: &str) -> String {
    let quoted = raw::quote(note);
    match members.object("_meta") {
        Some(meta) => meta.with(&[(NOTE, Some(&quoted))]),
        None => raw::object([(NOTE, &*quoted)]),
    }
}

fn inspect(
    place: usize,
    kind: Option<&str>,
    declared: Option<&str>,
    data: &str,
    blob_max: usize,
) -> Result<Verdict, FilterRefusal> {
    // Whole or by its size: secrets are searched for afterwards, and a part of one would not be found.
    let shown = match declared {
        Some(label) if label.len() > LABEL_SHOWN => format!("with {} bytes", label.len()),
        label => text::printable(label.unwrap_or("nothing")),
    };
    let content = format!("Briefcase: content {} of this result", place.saturating_add(1));
    let Some(given) = raw::decode_string(data) else {
        return Ok(Verdict::Withhold(format!(
            "{content} is labelled {shown} but has no text as its data. It is left out."
        )));
    };
    if given.len() / 4 * 3 > blob_max {
        return Err(FilterRefusal::BlobTooLarge(blob_max));
    }
    let strict = match strict_base64(&given) {
        Strict::As(data) => data,
        Strict::Already => given.clone().into_owned(),
        Strict::Not => {
            return Ok(Verdict::Withhold(format!("{content} is labelled {shown} but is not base64. It is left out.")));
        }
    };
    let (label, found) = relabelled(kind, declared, &strict);
    Ok(match label {
        Relabelled::Fits if *strict == *given => Verdict::Fine,
        Relabelled::Fits => Verdict::Data(strict),
        Relabelled::As(kind, mime) => {
            let note = format!("{content} was labelled {shown} and is {found}. Its label is corrected to {mime}.");
            Verdict::Label { kind, mime: mime.to_owned(), data: strict, note }
        }
        Relabelled::Resource(mime) => {
            let note = format!("{content} was labelled {shown} and is {found}. It is passed on as a resource.");
            Verdict::Resource { mime: mime.to_owned(), data: strict, note }
        }
        Relabelled::Withhold => {
            Verdict::Withhold(format!("{content} was labelled {shown} and is {found}. It is left out."))
        }
    })
}

enum Relabelled {
    Fits,
    As(Option<&'static str>, &'static str),
    Resource(&'static str),
    Withhold,
}

/// Compares the label with the first bytes. Returns the right label, and the name of what was found.
fn relabelled(kind: Option<&str>, declared: Option<&str>, data: &str) -> (Relabelled, &'static str) {
    let head = data.trim_end_matches('=').get(..HEAD).unwrap_or(data.trim_end_matches('='));
    let bytes = STANDARD_NO_PAD.decode(head).unwrap_or_default();
    let recognised = mime_sniff::sniff(&bytes);
    let found = recognised.unwrap_or("of no known type");
    let family = kind.unwrap_or_default();
    let in_family = declared.is_none_or(|declared| {
        let (declared, family) = (declared.trim_start().to_ascii_lowercase(), format!("{family}/"));
        kind.is_none() || declared.starts_with(&family)
    });
    let fits = in_family && declared.is_none_or(|declared| mime_sniff::mismatch(declared, &bytes).is_none());
    if fits && !(kind.is_some() && recognised.is_some_and(mime_sniff::is_active) && found != "SVG") {
        return (Relabelled::Fits, found);
    }
    let Some(recognised) = recognised else {
        let label = if kind.is_some() { Relabelled::Resource(UNKNOWN) } else { Relabelled::As(None, UNKNOWN) };
        return (label, found);
    };
    let mime = mime_sniff::label(recognised, family).unwrap_or(UNKNOWN);
    let label = match (kind, mime.split('/').next()) {
        (None, _) => Relabelled::As(None, mime),
        (Some(_), _) if mime_sniff::is_active(recognised) && recognised != "SVG" => Relabelled::Withhold,
        (Some("image"), Some("image")) | (Some("audio"), Some("audio")) => Relabelled::As(None, mime),
        (Some(_), Some("image")) => Relabelled::As(Some("image"), mime),
        (Some(_), Some("audio")) => Relabelled::As(Some("audio"), mime),
        (Some(_), _) => Relabelled::Resource(mime),
    };
    (label, found)
}

enum Strict {
    Already,
    As(String),
    Not,
}

/// Spells base64 in the standard alphabet, padded, without blanks.
fn strict_base64(given: &str) -> Strict {
    if is_strict(given.as_bytes()) {
        return Strict::Already;
    }
    let body = match given.split_once(";base64,") {
        Some((head, body)) if head.trim_start().starts_with("data:") => body,
        _ => given,
    };
    let mut strict: String = body
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while strict.ends_with('=') {
        strict.pop();
    }
    if strict.len() % 4 == 1 {
        return Strict::Not;
    }
    while !strict.len().is_multiple_of(4) {
        strict.push('=');
    }
    if is_strict(strict.as_bytes()) { Strict::As(strict) } else { Strict::Not }
}

/// Returns whether the text is standard base64, padded to groups of four, without blanks.
pub(super) fn is_strict(data: &[u8]) -> bool {
    let body = data.strip_suffix(b"==").or_else(|| data.strip_suffix(b"=")).unwrap_or(data);
    data.len().is_multiple_of(4) && body.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}
