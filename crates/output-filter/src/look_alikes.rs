//! Characters that look like an ASCII letter or digit.
//!
//! Covers the compatibility forms (full width, mathematical, circled, small capitals, tags), accented Latin letters, and the
//! letters of other scripts with the same shape. The last group is from Unicode's confusables, reduced to single letters.

use std::sync::LazyLock;

/// The ASCII form of each character of the Basic Multilingual Plane; 0 for most of them.
static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut table = vec![0; 0x1_0000];
    let mut put = |character: char, ascii: u8| {
        let entry = usize::try_from(u32::from(character)).ok().and_then(|code| table.get_mut(code));
        if let Some(entry) = entry.filter(|entry| **entry == 0) {
            *entry = ascii;
        }
    };
    for (ascii, shapes) in SHAPES {
        for shape in shapes.chars() {
            put(shape, ascii);
            let mut capital = shape.to_uppercase();
            if let (Some(capital), None) = (capital.next(), capital.next()) {
                put(capital, ascii);
            }
        }
    }
    for code in (0..=0xffff).filter_map(char::from_u32) {
        if let Some(ascii) = in_a_block(u32::from(code)) {
            put(code, ascii);
        }
    }
    table
});

/// Returns the ASCII letter (in lower case) or digit that a character looks like.
pub(crate) fn ascii(character: char) -> Option<u8> {
    let code = u32::from(character);
    match usize::try_from(code).ok().and_then(|code| TABLE.get(code)) {
        Some(0) => None,
        Some(ascii) => Some(*ascii),
        None => in_a_block(code),
    }
}

/// The blocks with a whole alphabet or all digits: the first and last code, and the first ASCII character.
const BLOCKS: [(u32, u32, u8); 25] = [
    (0x2080, 0x2089, b'0'),
    (0x2074, 0x2079, b'4'),
    (0x2460, 0x2468, b'1'),
    (0x2474, 0x247c, b'1'),
    (0x2488, 0x2490, b'1'),
    (0x249c, 0x24b5, b'a'),
    (0x24b6, 0x24cf, b'a'),
    (0x24d0, 0x24e9, b'a'),
    (0x2776, 0x277e, b'1'),
    (0xff10, 0xff19, b'0'),
    (0xff21, 0xff3a, b'a'),
    (0xff41, 0xff5a, b'a'),
    (0x1d7ce, 0x1d7d7, b'0'),
    (0x1d7d8, 0x1d7e1, b'0'),
    (0x1d7e2, 0x1d7eb, b'0'),
    (0x1d7ec, 0x1d7f5, b'0'),
    (0x1d7f6, 0x1d7ff, b'0'),
    (0x1f130, 0x1f149, b'a'),
    (0x1f150, 0x1f169, b'a'),
    (0x1f170, 0x1f189, b'a'),
    (0x1f1e6, 0x1f1ff, b'a'),
    (0x1fbf0, 0x1fbf9, b'0'),
    (0xe0030, 0xe0039, b'0'),
    (0xe0041, 0xe005a, b'a'),
    (0xe0061, 0xe007a, b'a'),
];

fn in_a_block(code: u32) -> Option<u8> {
    if let 0x1d400..=0x1d6a3 = code {
        // Thirteen alphabets of capital and small letters.
        return u8::try_from((code - 0x1d400) % 26).ok().map(|letter| b'a' + letter);
    }
    let (first, _, ascii) = BLOCKS.iter().find(|(first, last, _)| (*first..=*last).contains(&code))?;
    u8::try_from(code - first).ok().map(|offset| ascii.saturating_add(offset))
}

/// The look-alikes of each letter and digit.
const SHAPES: [(u8, &str); 36] = [
    (b'a', "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặªɑαΑаАᴀӑӓⓐꬰ"),
    (b'b', "ḃḅḇƀƃɓβΒвВьЬʙЪ"),
    (b'c', "çćĉċčḉƈɕϲсСᴄℂℭⅽⅭ"),
    (b'd', "ďđḋḍḏḑḓɖɗðԁᴅⅾⅮժ"),
    (b'e', "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệεΕеЕёЁєЄэᴇℯℰ℮ҽ"),
    (b'f', "ḟƒꜰℱϝ"),
    (b'g', "ĝğġģǥǧǵḡɡɢℊց"),
    (b'h', "ĥħȟḣḥḧḩḫһНнΗʜℋℌℍℎհ"),
    (b'i', "ìíîïĩīĭįıǐȉȋḭḯỉịιΙіІїЇɩɪℐℑⁱⅰⅠӏӀℹ"),
    (b'j', "ĵǰɉјЈᴊյϳ"),
    (b'k', "ķǩḱḳḵκΚкКᴋƙ"),
    (b'l', "ĺļľŀłḷḹḻḽʟℓℒⅼⅬǀ∣"),
    (b'm', "ḿṁṃΜмМᴍℳⅿⅯ"),
    (b'n', "ñńņňŉŋǹṅṇṉṋηΝпɴℕⁿոռ"),
    (b'o', "òóôõöøōŏőơǒǫȍȏȫȭȯṍṏṑṓọỏốồổỗộớờởỡợºοΟоОσᴏℴօѳ"),
    (b'p', "ṕṗρΡрРᴘℙþ"),
    (b'q', "ɋԛℚզ"),
    (b'r', "ŕŗřȑȓṙṛṝṟгяʀℛℜℝ"),
    (b's', "śŝşšșṡṣṥṧṩѕЅꜱʂſ"),
    (b't', "ţťŧțṫṭṯṱτΤтТᴛ"),
    (b'u', "ùúûüũūŭůűųưǔȕȗṳṵṷṹṻụủứừửữựυᴜսµ"),
    (b'v', "ṽṿνѵᴠⅴⅤ∨"),
    (b'w', "ŵẁẃẅẇẉωԝᴡшШ"),
    (b'x', "ẋẍχΧхХⅹⅩ×"),
    (b'y', "ýÿŷȳẏỳỵỷỹγΥуУүʏ"),
    (b'z', "źżžẑẓẕΖᴢℤʐ"),
    (b'0', "⁰⓪"),
    (b'1', "¹"),
    (b'2', "²"),
    (b'3', "³зЗ"),
    (b'4', ""),
    (b'5', ""),
    (b'6', "б"),
    (b'7', ""),
    (b'8', ""),
    (b'9', ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_letter_are_that_letter() {
        for form in ['ａ', 'Ａ', '𝐚', '𝒜', '𝖆', 'ⓐ', 'Ⓐ', 'á', 'Å', 'а', 'А', 'α', '🅰', '🇦', '\u{e0061}', 'ᴀ']
        {
            assert_eq!(ascii(form), Some(b'a'), "{form:?}");
        }
        for form in ['７', '𝟕', '𝟳', '⑦', '⁷', '₇'] {
            assert_eq!(ascii(form), Some(b'7'), "{form:?}");
        }
        for other in ['日', 'ж', '€', '\u{200b}', 'ש'] {
            assert_eq!(ascii(other), None, "{other:?}");
        }
    }
}
