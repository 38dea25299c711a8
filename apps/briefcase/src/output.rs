//! The output of a command, independent of the terminal, file or test that receives it.
//!
//! Invariant: a [`Span`] holds nothing that can move a cursor, break a line, or hide or reorder text. Everything that is
//! shown goes through [`span`], so no server, agent or file can draw on the person's terminal.

use briefcase_types::text::is_deceptive;

/// The meaning of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// The main word of the line.
    Strong,
    /// Secondary text.
    Dim,
    /// A success.
    Good,
    /// A warning.
    Warn,
    /// An error.
    Bad,
    /// A name or a command to type.
    Name,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\u{1b}[1m",
            Self::Dim => "\u{1b}[2m",
            Self::Good => "\u{1b}[32m",
            Self::Warn => "\u{1b}[33m",
            Self::Bad => "\u{1b}[1;31m",
            Self::Name => "\u{1b}[36m",
        }
    }
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    text: String,
    tone: Tone,
}

/// A span whose text is safe to show on one line.
pub fn span(text: impl AsRef<str>, tone: Tone) -> Span {
    Span { text: visible(text.as_ref()), tone }
}

/// Text on one line, with every deceptive character, and every space but the ordinary one, as an escape.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            hidden if is_deceptive(hidden) || (hidden != ' ' && hidden.is_whitespace()) => {
                out.extend(hidden.escape_unicode());
            }
            plain => out.push(plain),
        }
    }
    out
}

impl From<&str> for Span {
    fn from(text: &str) -> Self {
        span(text, Tone::Plain)
    }
}

impl From<String> for Span {
    fn from(text: String) -> Self {
        span(text, Tone::Plain)
    }
}

impl Span {
    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn put(&self, out: &mut String, colour: bool) {
        let code = if colour { self.tone.code() } else { "" };
        out.push_str(code);
        out.push_str(&self.text);
        if !code.is_empty() {
            out.push_str("\u{1b}[0m");
        }
    }
}

/// Lines to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextOutput {
    lines: Vec<Vec<Span>>,
}

impl TextOutput {
    /// An empty output.
    pub fn new() -> Self {
        Self::default()
    }

    /// An output of one line.
    pub fn of(text: impl Into<Span>) -> Self {
        let mut output = Self::new();
        output.line([text.into()]);
        output
    }

    /// Adds a line.
    pub fn line(&mut self, spans: impl IntoIterator<Item = Span>) -> &mut Self {
        self.lines.push(spans.into_iter().collect());
        self
    }

    /// Adds a plain line.
    pub fn text(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.line([span(text, Tone::Plain)])
    }

    /// Adds text of several lines.
    pub fn block(&mut self, text: &str, indent: &str, tone: Tone) -> &mut Self {
        for line in text.lines() {
            self.line([indent.into(), span(line, tone)]);
        }
        self
    }

    /// Adds an empty line.
    pub fn blank(&mut self) -> &mut Self {
        self.line([])
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.line([span(text, Tone::Strong)])
    }

    /// Adds a name and its value, aligned with its neighbours.
    pub fn field(&mut self, name: &str, value: impl Into<Span>) -> &mut Self {
        let name = format!("  {name:<12} ");
        self.line([span(name, Tone::Dim), value.into()])
    }

    /// Adds the next step.
    pub fn next(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.line([span("→ ", Tone::Name), text.as_ref().into()])
    }

    /// Adds all lines of another output.
    pub fn append(&mut self, other: Self) -> &mut Self {
        self.lines.extend(other.lines);
        self
    }

    /// Adds all lines of another output behind a margin.
    pub fn indented(&mut self, other: &Self, margin: &str) -> &mut Self {
        for line in &other.lines {
            let margin = span(margin, Tone::Dim);
            self.lines.push(std::iter::once(margin).chain(line.iter().cloned()).collect());
        }
        self
    }

    /// Adds columns under headings, each as wide as its widest cell.
    pub fn table(&mut self, headings: &[&str], rows: Vec<Vec<Span>>) -> &mut Self {
        let headings: Vec<Span> = headings.iter().map(|text| span(text, Tone::Dim)).collect();
        let all: Vec<Vec<Span>> = std::iter::once(headings).chain(rows).collect();
        let columns = all.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| all.iter().filter_map(|row| row.get(column)).map(Span::width).max().unwrap_or_default())
            .collect();
        for row in all {
            let last = row.len().saturating_sub(1);
            let mut line = Vec::new();
            for (column, (cell, width)) in row.into_iter().zip(&widths).enumerate() {
                let gap = if column == last { 0 } else { width.saturating_sub(cell.width()) + 2 };
                line.push(cell);
                line.push(" ".repeat(gap).into());
            }
            self.lines.push(line);
        }
        self
    }

    /// The text, with or without colours. Lines end without spaces.
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let mut text = String::new();
            line.iter().for_each(|span| span.put(&mut text, colour));
            out.push_str(text.trim_end_matches(' '));
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shown_can_draw_on_the_terminal() {
        let output = TextOutput::of("a\u{1b}[2Jb\r\nc\u{202e}d\u{200b}\u{9b}31m");
        assert_eq!(output.render(true), "a\\u{1b}[2Jb\\u{d}\\nc\\u{202e}d\\u{200b}\\u{9b}31m\n");
    }

    #[test]
    fn a_forged_line_stays_inside_its_cell() {
        let mut output = TextOutput::new();
        output.table(&["tool", "risk"], vec![vec!["x\nread_file  low".into(), "high".into()]]);
        assert_eq!(output.render(false).lines().count(), 2);
    }

    #[test]
    fn columns_line_up_and_colour_is_only_added() {
        let mut output = TextOutput::new();
        output.table(&["a", "long"], vec![vec![span("xyz", Tone::Bad), "1".into()]]);
        assert_eq!(output.render(false), "a    long\nxyz  1\n");
        let coloured = output.render(true);
        assert!(coloured.contains("\u{1b}[1;31mxyz\u{1b}[0m"), "{coloured:?}");
    }
}
