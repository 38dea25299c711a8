//! The type of binary data by its first bytes, compared with its declared type.

/// The types that are recognised by their first bytes.
const KINDS: &[(&str, &[&str])] = &[
    ("PNG", &["image/png", "image/apng", "image/vnd.mozilla.apng"]),
    ("JPEG", &["image/jpeg", "image/jpg", "image/pjpeg"]),
    ("GIF", &["image/gif"]),
    ("WebP", &["image/webp"]),
    ("BMP", &["image/bmp", "image/x-ms-bmp"]),
    ("TIFF", &["image/tiff"]),
    ("ICO", &["image/x-icon", "image/vnd.microsoft.icon"]),
    ("AVIF or HEIF", &["image/avif", "image/heif", "image/heic"]),
    ("WAV", &["audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"]),
    ("MP3", &["audio/mpeg", "audio/mp3"]),
    ("Ogg", &["audio/ogg", "audio/opus", "video/ogg", "application/ogg"]),
    ("FLAC", &["audio/flac", "audio/x-flac"]),
    ("MP4", &["audio/mp4", "audio/x-m4a", "video/mp4", "video/quicktime"]),
    ("Matroska", &["audio/webm", "video/webm", "video/x-matroska"]),
    ("PDF", &["application/pdf"]),
    ("ZIP", &["application/zip", "application/x-zip-compressed"]),
    ("gzip", &["application/gzip", "application/x-gzip"]),
    ("an ELF program", &["application/x-executable", "application/x-elf"]),
    ("a Windows program", &["application/vnd.microsoft.portable-executable", "application/x-msdownload"]),
    ("HTML", &["text/html", "application/xhtml+xml"]),
    ("SVG", &["image/svg+xml"]),
];

/// Returns the recognised type when it contradicts the declared one. Types without a signature (CSV, office files, raw
/// audio) cannot be recognised, so they pass unless the data has another known signature.
pub(super) fn mismatch(declared: &str, bytes: &[u8]) -> Option<&'static str> {
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let found = sniff(bytes);
    let kind = KINDS.iter().find(|(_, names)| names.contains(&essence.as_str())).map(|(kind, _)| *kind);
    match (kind, found) {
        (Some(kind), Some(found)) if kind == found => None,
        // Markup has no fixed signature.
        (Some("HTML" | "SVG"), None) => None,
        (Some(_), Some(found)) => Some(found),
        (Some(_), None) => Some("something else"),
        // An unknown declared type: containers and text pass, but a picture, sound or film must not be a page or a
        // program.
        (None, Some(found @ ("HTML" | "SVG" | "an ELF program" | "a Windows program")))
            if essence.starts_with("image/") || essence.starts_with("audio/") || essence.starts_with("video/") =>
        {
            Some(found)
        }
        (None, _) => None,
    }
}

/// Returns whether a recognised type is a page or a program.
pub(super) fn is_active(kind: &str) -> bool {
    matches!(kind, "HTML" | "SVG" | "an ELF program" | "a Windows program")
}

/// Returns the label of a recognised type, from this family of types if it has one there.
pub(super) fn label(kind: &str, family: &str) -> Option<&'static str> {
    let (_, names) = KINDS.iter().find(|(name, _)| *name == kind)?;
    names.iter().find(|name| name.split('/').next() == Some(family)).or_else(|| names.first()).copied()
}

/// Returns the type that the first bytes tell.
pub(super) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    let brand = bytes.get(8..12).unwrap_or_default();
    let signatures: [(bool, &str); 19] = [
        (begins(b"\x89PNG\r\n\x1a\n"), "PNG"),
        (begins(b"\xff\xd8\xff"), "JPEG"),
        (begins(b"GIF87a") || begins(b"GIF89a"), "GIF"),
        (begins(b"RIFF") && brand == b"WEBP", "WebP"),
        (begins(b"RIFF") && brand == b"WAVE", "WAV"),
        (begins(b"BM") && bytes.get(6..10) == Some(&[0; 4]), "BMP"),
        (begins(b"II*\0") || begins(b"MM\0*"), "TIFF"),
        (begins(b"\0\0\x01\0"), "ICO"),
        (
            bytes.get(4..8) == Some(b"ftyp")
                && [*b"avif", *b"avis", *b"heic", *b"mif1"].iter().any(|name| brand == name),
            "AVIF or HEIF",
        ),
        (bytes.get(4..8) == Some(b"ftyp"), "MP4"),
        (begins(b"ID3") || mpeg_frame(bytes), "MP3"),
        (begins(b"OggS"), "Ogg"),
        (begins(b"fLaC"), "FLAC"),
        (begins(b"\x1a\x45\xdf\xa3"), "Matroska"),
        (begins(b"%PDF-"), "PDF"),
        (begins(b"PK\x03\x04") || begins(b"PK\x05\x06"), "ZIP"),
        (begins(b"\x1f\x8b"), "gzip"),
        (begins(b"\x7fELF"), "an ELF program"),
        (begins(b"MZ") && bytes.len() > 64, "a Windows program"),
    ];
    signatures.iter().find(|(found, _)| *found).map(|(_, name)| *name).or_else(|| markup(bytes))
}

/// An MPEG audio frame, or the same frame header that AAC in ADTS has.
fn mpeg_frame(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, second, ..] if second & 0xe0 == 0xe0 && *second != 0xff && second & 0x18 != 0x08)
}

fn markup(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let head = String::from_utf8_lossy(text.get(..text.len().min(512)).unwrap_or_default()).to_ascii_lowercase();
    let begins = |names: &[&str]| names.iter().any(|name| head.starts_with(name));
    if begins(&["<svg"]) || (begins(&["<?xml", "<!doctype svg", "<!--"]) && head.contains("<svg")) {
        Some("SVG")
    } else if begins(&["<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<!--"]) {
        Some("HTML")
    } else {
        None
    }
}
