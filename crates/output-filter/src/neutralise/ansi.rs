//! Terminal colours and styles. Ordinary output uses no other escape sequences, and these cannot deceive while the text
//! stays visible.

/// The colours in use, to detect text in the colour of its background.
#[derive(Default)]
pub(super) struct Colours {
    front: Option<Vec<u16>>,
    back: Option<Vec<u16>>,
}

/// The maximum length of a recognised sequence.
const LENGTH_MAX: usize = 48;

impl Colours {
    /// Returns the length of a harmless colour sequence (`ESC [ numbers m`) at the start of the text.
    pub(super) fn sequence(&mut self, rest: &[char]) -> Option<usize> {
        if rest.first() != Some(&'\u{1b}') || rest.get(1) != Some(&'[') {
            return None;
        }
        let body = rest.get(2..)?;
        let length = body.iter().take(LENGTH_MAX).take_while(|character| is_parameter(**character)).count();
        if body.get(length) != Some(&'m') {
            return None;
        }
        let text: String = body.iter().take(length).collect();
        let numbers: Option<Vec<u16>> = text.split(';').map(number).collect();
        let (front, back) = (self.front.clone(), self.back.clone());
        if self.apply(&numbers?) && (self.front.is_none() || self.front != self.back) {
            return Some(length.saturating_add(3));
        }
        (self.front, self.back) = (front, back);
        None
    }

    /// Applies the numbers. Returns false for a number that is not a colour or plain style; conceal (8) is not a plain
    /// style.
    fn apply(&mut self, numbers: &[u16]) -> bool {
        let mut rest = numbers;
        while let Some((code, after)) = rest.split_first() {
            rest = after;
            match code {
                0 => *self = Self::default(),
                1..=7 | 9 | 21..=27 | 29 | 53 | 55 => {}
                39 => self.front = None,
                49 => self.back = None,
                30..=37 | 90..=97 => self.front = Some(vec![*code % 10 + if *code >= 90 { 8 } else { 0 }]),
                40..=47 | 100..=107 => self.back = Some(vec![*code % 10 + if *code >= 100 { 8 } else { 0 }]),
                38 | 48 => {
                    let Some((colour, after)) = extended(after) else { return false };
                    rest = after;
                    *(if *code == 38 { &mut self.front } else { &mut self.back }) = Some(colour);
                }
                _ => return false,
            }
        }
        true
    }
}

fn is_parameter(character: char) -> bool {
    character.is_ascii_digit() || character == ';'
}

fn number(text: &str) -> Option<u16> {
    if text.is_empty() { Some(0) } else { text.parse().ok().filter(|number| *number <= 255) }
}

/// Reads `5;n` or `2;r;g;b`.
fn extended(numbers: &[u16]) -> Option<(Vec<u16>, &[u16])> {
    let length = match numbers.first()? {
        5 => 2,
        2 => 4,
        _ => return None,
    };
    let (colour, after) = (numbers.get(1..length)?, numbers.get(length..)?);
    Some((colour.to_vec(), after))
}
