//! The content types that a POST must send and accept.

use http::{HeaderMap, StatusCode, header};

use super::origin_check::single;

/// A POST was rejected for its content types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContentTypeError {
    #[error("the body must be `Content-Type: application/json`")]
    Type,
    #[error("the body must not be compressed (Content-Encoding)")]
    Encoding,
    #[error("POST needs `Accept: application/json, text/event-stream`")]
    Accept,
}

impl ContentTypeError {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Type | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Accept => StatusCode::NOT_ACCEPTABLE,
        }
    }
}

/// Checks the headers of a POST.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ContentTypeError> {
    let content_type = single(headers, &header::CONTENT_TYPE).ok().flatten().ok_or(ContentTypeError::Type)?;
    if !is_json(content_type) {
        return Err(ContentTypeError::Type);
    }
    match single(headers, &header::CONTENT_ENCODING) {
        Ok(None | Some("identity")) => {}
        _ => return Err(ContentTypeError::Encoding),
    }
    let both = accepts(headers, "application", "json") && accepts(headers, "text", "event-stream");
    if both { Ok(()) } else { Err(ContentTypeError::Accept) }
}

/// Whether a value is `application/json`, with no parameter but `charset=utf-8`.
fn is_json(value: &str) -> bool {
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    let parameter = parameters.trim().to_ascii_lowercase();
    let utf8 = matches!(parameter.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"");
    essence.trim().eq_ignore_ascii_case("application/json") && utf8
}

/// Whether `Accept` includes the type, itself or by a wildcard, with a weight above zero.
pub(super) fn accepts(headers: &HeaderMap, kind: &str, subtype: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let (essence, parameters) = range.split_once(';').unwrap_or((range, ""));
        let Some((range_kind, range_subtype)) = essence.trim().split_once('/') else { return false };
        let fits = |range: &str, wanted: &str| range == "*" || range.eq_ignore_ascii_case(wanted);
        let weight = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
        let zero = weight.is_some_and(|weight| weight.trim_matches(['0', '.', ' ']).is_empty());
        fits(range_kind, kind) && fits(range_subtype, subtype) && !zero
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn checked(pairs: &[(&'static str, &str)]) -> Result<(), ContentTypeError> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        check(&headers)
    }

    const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");

    #[test]
    fn the_headers_of_real_clients_are_accepted() {
        for content in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"] {
            assert_eq!(checked(&[("content-type", content), ACCEPT]), Ok(()), "{content}");
        }
        for accept in
            ["*/*", "text/event-stream, application/json", "application/*, text/*;q=0.5", "application/json;q=1.0,*/*"]
        {
            assert_eq!(checked(&[("content-type", "application/json"), ("accept", accept)]), Ok(()), "{accept}");
        }
        let split =
            [("content-type", "application/json"), ("accept", "application/json"), ("accept", "text/event-stream")];
        assert_eq!(checked(&split), Ok(()));
    }

    #[test]
    fn everything_else_is_rejected() {
        for content in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "text/json",
            "application/json; charset=utf-16",
            "application/jsonp",
            "application/vnd.api+json",
            "",
        ] {
            assert_eq!(checked(&[("content-type", content), ACCEPT]), Err(ContentTypeError::Type), "{content}");
        }
        assert_eq!(checked(&[ACCEPT]), Err(ContentTypeError::Type));
        let twice = [("content-type", "application/json"), ("content-type", "text/plain"), ACCEPT];
        assert_eq!(checked(&twice), Err(ContentTypeError::Type));
        for encoding in ["gzip", "br", "zstd", "gzip, gzip", "Identity"] {
            let compressed = [("content-type", "application/json"), ("content-encoding", encoding), ACCEPT];
            assert_eq!(checked(&compressed), Err(ContentTypeError::Encoding), "{encoding}");
        }
        for accept in [
            "application/json",
            "text/event-stream",
            "text/html",
            "application/json, text/event-stream;q=0",
            "application/json;q=0.0, */*;q=0",
        ] {
            let json = [("content-type", "application/json"), ("accept", accept)];
            assert_eq!(checked(&json), Err(ContentTypeError::Accept), "{accept}");
        }
        assert_eq!(checked(&[("content-type", "application/json")]), Err(ContentTypeError::Accept));
    }
}
