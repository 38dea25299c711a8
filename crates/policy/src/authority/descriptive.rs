//! The places of a tool definition that describe only, so that a person may accept that a server changes them.

/// Members whose values are schemas by name.
const MAPS: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// Members whose values are lists of schemas.
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Members whose value is a schema.
const ONE: [&str; 9] =
    ["items", "additionalItems", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"];
/// Members of a schema that describe, as a whole.
const DESCRIPTIVE: [&str; 7] =
    ["title", "description", "default", "examples", "enum", "$comment", "markdownDescription"];

/// Returns the innermost descriptive place that contains the place of a difference, or `None` where a difference is more
/// than descriptive.
#[must_use]
pub fn descriptive_place(difference: &str) -> Option<String> {
    let mut tokens = difference.strip_prefix('/')?.split('/');
    match (tokens.next()?, tokens.next()) {
        (top @ ("title" | "description"), None) => Some(format!("/{top}")),
        ("annotations", Some("title")) if tokens.next().is_none() => Some("/annotations/title".to_owned()),
        (schema @ ("inputSchema" | "outputSchema"), Some(first)) => {
            let mut place = format!("/{schema}");
            let mut next = Some(first);
            while let Some(token) = next {
                place.push('/');
                place.push_str(token);
                if DESCRIPTIVE.contains(&token) {
                    // Text is one value; a list varies as a whole.
                    let rest = tokens.next();
                    let is_text = matches!(token, "title" | "description" | "$comment" | "markdownDescription");
                    return Some(place).filter(|_| !is_text || rest.is_none());
                }
                let step = if MAPS.contains(&token) || LISTS.contains(&token) {
                    tokens.next()
                } else if ONE.contains(&token) {
                    None
                } else {
                    return None;
                };
                if let Some(name) = step {
                    place.push('/');
                    place.push_str(name);
                } else if !ONE.contains(&token) {
                    return None;
                }
                next = tokens.next();
            }
            None
        }
        _ => None,
    }
}
