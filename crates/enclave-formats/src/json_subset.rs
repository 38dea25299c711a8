//! The subset of JSON that the documents use: objects, strings, natural numbers and booleans, without white space.
//!
//! The browser's WebAssembly module contains this reader. The general reader needs floating-point code, a sixth of that
//! module, which no document uses. The accepted texts are a subset of `briefcase_json::parse_strict` with the same
//! meaning, and the output is RFC 8785. A property test checks both.

use briefcase_json::write_string;

/// The largest integer that all JSON readers represent exactly.
const SAFE: u64 = (1 << 53) - 1;
/// Documents are objects with at most one nested level.
const DEPTH: usize = 2;

/// A value in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    Object(Object),
}

/// Members sorted by name, each name once. Names are ASCII, so byte order is the order of RFC 8785.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object(Vec<(String, Value)>);

impl Object {
    /// Inserts a member in order. Returns `None` when the name exists or is not plain.
    pub fn put(&mut self, name: &str, value: Value) -> Option<()> {
        if !crate::codec::is_name(name) {
            return None;
        }
        let place = self.0.binary_search_by(|(other, _)| other.as_str().cmp(name)).err()?;
        self.0.insert(place, (name.to_owned(), value));
        Some(())
    }

    pub fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(place).1)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_members(self) -> Vec<(String, Value)> {
        self.0
    }

    /// Writes canonical text.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_string(name, out);
            out.push(b':');
            match value {
                Value::Text(text) => write_string(text, out),
                Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
                Value::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
                Value::Object(object) => object.write(out),
            }
        }
        out.push(b'}');
    }

    /// Reads a whole document. Returns `None` for anything outside of the subset.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut scanner = Scanner(std::str::from_utf8(bytes).ok()?);
        let object = scanner.object(DEPTH)?;
        scanner.0.is_empty().then_some(object)
    }
}

struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn eat(&mut self, what: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(what)?;
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let mut letters = self.0.chars();
        let letter = letters.next()?;
        self.0 = letters.as_str();
        Some(letter)
    }

    fn object(&mut self, depth: usize) -> Option<Object> {
        let inner = depth.checked_sub(1)?;
        self.eat("{")?;
        let mut object = Object::default();
        if self.eat("}").is_some() {
            return Some(object);
        }
        loop {
            let name = self.text()?;
            self.eat(":")?;
            object.put(&name, self.value(inner)?)?;
            if self.eat(",").is_none() {
                self.eat("}")?;
                return Some(object);
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.0.as_bytes().first()? {
            b'"' => self.text().map(Value::Text),
            b'{' => self.object(depth).map(Value::Object),
            b't' => self.eat("true").map(|()| Value::Flag(true)),
            b'f' => self.eat("false").map(|()| Value::Flag(false)),
            _ => self.number().map(Value::Number),
        }
    }

    fn number(&mut self) -> Option<u64> {
        if self.eat("0").is_some() {
            return Some(0);
        }
        let mut number = 0_u64;
        while let Some(digit) = self.0.chars().next().and_then(|letter| letter.to_digit(10)) {
            self.next()?;
            number = number.checked_mul(10)?.checked_add(digit.into())?;
        }
        (1..=SAFE).contains(&number).then_some(number)
    }

    fn text(&mut self) -> Option<String> {
        self.eat("\"")?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                '\0'..='\u{1f}' => return None,
                letter => text.push(letter),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            letter @ ('"' | '\\' | '/') => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unit_pair(),
            _ => return None,
        })
    }

    /// Reads a character as one UTF-16 unit or a surrogate pair. A lone surrogate is rejected.
    fn unit_pair(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xD800..0xE000).contains(&first) {
            return char::from_u32(first);
        }
        self.eat("\\u")?;
        let second = self.unit()?;
        let valid = first < 0xDC00 && (0xDC00..0xE000).contains(&second);
        valid.then(|| char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)))?
    }

    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.next()?.to_digit(16)?))
    }
}

#[cfg(test)]
mod tests {
    use briefcase_json::{JsonLimits, canonical, parse_strict};
    use proptest::prelude::*;

    use super::*;

    fn written(object: &Object) -> Vec<u8> {
        let mut out = Vec::new();
        object.write(&mut out);
        out
    }

    /// Checks that the strict reader accepts every accepted text, and writes it the same.
    fn agrees(text: &[u8]) -> bool {
        let Some(object) = Object::read(text) else { return false };
        let full = parse_strict(text, &JsonLimits::AGENT).unwrap();
        assert_eq!(written(&object), canonical(&full), "{}", String::from_utf8_lossy(text));
        assert_eq!(Object::read(&written(&object)).unwrap(), object);
        true
    }

    #[test]
    fn reads_the_values_of_documents() {
        for text in [
            r"{}",
            r#"{"b":1,"a":"x"}"#,
            r#"{"a":0,"c":true,"b":{"z":false,"y":9007199254740991}}"#,
            r#"{"a":"\u00e9\ud83d\ude42\n\"\\\/\b\f\r\t\u0000é🙂"}"#,
        ] {
            assert!(agrees(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn rejects_everything_else() {
        for text in [
            r"",
            r"[]",
            r"{} ",
            r#"{"a": 1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":01}"#,
            r#"{"a":-1}"#,
            r#"{"a":1.5}"#,
            r#"{"a":1e3}"#,
            r#"{"a":9007199254740992}"#,
            r#"{"a":null}"#,
            r#"{"a":[1]}"#,
            r#"{"a":{"b":{"c":1}}}"#,
            r#"{"é":1}"#,
            r#"{"a":"\ud83d"}"#,
            r#"{"a":"\ude42\ud83d"}"#,
            r#"{"a":"\x"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":1,}"#,
            r#"{"a":}"#,
            r#"{"a"}"#,
            r#"{"a":"x}"#,
            r#"{"":1}"#,
        ] {
            assert!(Object::read(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Object::read(b"{\"a\":\"\xff\"}").is_none());
    }

    proptest! {
        #[test]
        fn agrees_with_the_strict_reader(text in r#"\{("[ab\\]{0,2}":("[a-c\\"nué]{0,4}"|[0-9]{1,3}|true|\{\}),?){0,3}\}"#) {
            agrees(text.as_bytes());
        }

        #[test]
        fn any_string_round_trips(text in any::<String>(), number in 0..=SAFE, flag in any::<bool>()) {
            let mut object = Object::default();
            object.put("t", Value::Text(text)).unwrap();
            object.put("n", Value::Number(number)).unwrap();
            object.put("f", Value::Flag(flag)).unwrap();
            prop_assert!(agrees(&written(&object)));
        }
    }
}
