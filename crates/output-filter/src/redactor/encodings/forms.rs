//! The forms of a secret that are searched literally.

use super::{radix, squeeze::squeezed};

/// A shorter secret is searched in plain form only: its encodings are too short to tell from ordinary text.
const ENCODED_MIN: usize = 8;
/// The minimum length of an encoded form.
const FORM_MIN: usize = 10;

/// The forms of one secret.
pub(in crate::redactor) struct Forms {
    /// The forms to search in the text as it is.
    pub(in crate::redactor) literal: Vec<Vec<u8>>,
    /// The forms whose edges mix with the text around them: the ends of a match lie up to one group further out.
    pub(in crate::redactor) mixed: Vec<Vec<u8>>,
    /// The forms to search among letters and digits.
    pub(in crate::redactor) squeezed: Vec<Vec<u8>>,
    /// The forms that may come back in fragments, in letters and digits.
    pub(in crate::redactor) divisible: Vec<Vec<u8>>,
}

/// Returns every form of a secret.
pub(in crate::redactor) fn forms(secret: &[u8]) -> Forms {
    let mut forms =
        Forms { literal: vec![secret.to_vec()], mixed: Vec::new(), squeezed: Vec::new(), divisible: Vec::new() };
    let plain = squeezed(secret);
    let telling = if plain.iter().any(u8::is_ascii_digit) { ENCODED_MIN } else { FORM_MIN };
    if plain.len() >= telling {
        forms.squeezed.push(plain.clone());
        forms.divisible.push(plain.clone());
    }
    if secret.len() < ENCODED_MIN {
        return forms;
    }
    let text = String::from_utf8_lossy(secret);
    forms.literal.push(text.chars().rev().collect::<String>().into_bytes());
    forms.literal.push(text.replace(' ', "+").into_bytes());
    forms.literal.push(secret.iter().map(|byte| rot47(*byte)).collect());
    // The bytes between the secret's first and last byte in UTF-16, in either byte order.
    let wide: Vec<u8> = secret.iter().flat_map(|byte| [0, *byte]).skip(1).collect();
    forms.literal.push(wide.clone());
    for alphabet in radix::BASE85 {
        forms.mixed.extend((0..4).map(|shift| radix::base85_within(secret, shift, alphabet)));
    }
    for alphabet in radix::UUENCODE {
        forms.mixed.extend((0..3).map(|shift| radix::bits_within(secret, shift, alphabet, 6)));
    }
    forms.mixed.retain(|form| form.len() >= FORM_MIN);
    encoded(secret, &plain, &wide, &mut forms);
    for list in [&mut forms.literal, &mut forms.mixed, &mut forms.squeezed, &mut forms.divisible] {
        list.sort();
        list.dedup();
    }
    forms
}

/// Adds the encodings in letters and digits. In a match, separators between the codes do not count.
fn encoded(secret: &[u8], plain: &[u8], wide: &[u8], forms: &mut Forms) {
    let coded = |code: &dyn Fn(u8) -> String| secret.iter().map(|byte| code(*byte)).collect::<String>().into_bytes();
    let hex = coded(&|byte| format!("{byte:02x}"));
    let base64: Vec<Vec<u8>> = (0..3).map(|shift| radix::base64_within(secret, shift)).collect();
    let mut found: Vec<Vec<u8>> = vec![
        wide.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
        coded(&|byte| format!("0x{byte:02x}")),
        coded(&|byte| format!("0x{byte:x}")),
        coded(&|byte| format!("x{byte:02x}")),
        coded(&|byte| format!("{byte:02x}h")),
        coded(&|byte| format!("u{byte:04x}")),
        coded(&|byte| format!("u{byte:02x}")),
        coded(&|byte| format!("{byte:08x}")),
        coded(&|byte| byte.to_string()),
        coded(&|byte| format!("{byte:03}")),
        coded(&|byte| format!("{byte:o}")),
        coded(&|byte| format!("{byte:03o}")),
        coded(&|byte| format!("0{byte:03o}")),
        coded(&|byte| format!("0o{byte:o}")),
        coded(&|byte| format!("{byte:08b}")),
        coded(&|byte| format!("{byte:07b}")),
        coded(&|byte| format!("0b{byte:08b}")),
        plain.iter().map(|byte| rot13(*byte)).collect(),
        plain.iter().map(|byte| atbash(*byte)).collect(),
        plain.iter().rev().copied().collect(),
        hex.iter().rev().copied().collect(),
    ];
    found.extend(radix::LARGE_NUMBERS.iter().map(|alphabet| radix::large_number(secret, alphabet)));
    found.extend((0..3).map(|shift| radix::base64_within(wide, shift)));
    found.extend(base64.iter().map(|form| form.iter().rev().copied().collect()));
    for alphabet in radix::BASE32 {
        found.extend((0..5).map(|shift| radix::bits_within(secret, shift, alphabet, 5)));
    }
    let divisible: Vec<Vec<u8>> = [hex].into_iter().chain(base64).map(|form| squeezed(&form)).collect();
    found.extend(divisible.iter().cloned());
    forms.squeezed.extend(found.iter().map(|form| squeezed(form)).filter(|form| form.len() >= FORM_MIN));
    forms.divisible.extend(divisible.into_iter().filter(|form| form.len() >= FORM_MIN));
    if plain.len() >= FORM_MIN {
        forms.divisible.push(plain.iter().rev().copied().collect());
    }
}

fn rot13(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' => byte + 13,
        b'n'..=b'z' => byte - 13,
        other => other,
    }
}

/// The alphabet reversed.
fn atbash(byte: u8) -> u8 {
    if byte.is_ascii_lowercase() { b'a' + (b'z' - byte) } else { byte }
}

fn rot47(byte: u8) -> u8 {
    match byte {
        b'!'..=b'O' => byte + 47,
        b'P'..=b'~' => byte - 47,
        other => other,
    }
}
