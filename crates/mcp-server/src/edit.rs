//! Edits a message in place.

use briefcase_json::raw::{Patch, RawObject};
use bytes::Bytes;

/// Changes members of an object. Returns the same bytes when nothing changes or the text is not an object.
pub(crate) fn edit_object(raw: &Bytes, edit: impl for<'t> FnOnce(&'t str, &RawObject<'t>, &mut Patch<'t>)) -> Bytes {
    let Ok(text) = std::str::from_utf8(raw) else { return raw.clone() };
    let Some(object) = RawObject::parse(text) else { return raw.clone() };
    let mut patch = Patch::new(text);
    edit(text, &object, &mut patch);
    patch.finish().map_or_else(|| raw.clone(), Bytes::from)
}
