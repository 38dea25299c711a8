//! Tells the story of the demo on stdout, one act after the other.

use crate::{
    failure::Failure,
    page::{Page, Tone, span},
    screen,
};

/// Who speaks: to a person, or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Narrator {
    silent: bool,
}

impl Narrator {
    /// Speaks unless a program reads the output.
    pub const fn new(silent: bool) -> Self {
        Self { silent }
    }

    /// Shows lines.
    pub fn show(self, page: &Page) -> Result<(), Failure> {
        if self.silent { Ok(()) } else { screen::show(page) }
    }

    /// A new act.
    pub fn act(self, title: &str) -> Result<(), Failure> {
        let mut page = Page::new();
        page.blank().line([span("── ", Tone::Dim), span(title, Tone::Strong)]);
        self.show(&page)
    }

    /// What happens.
    pub fn say(self, text: &str) -> Result<(), Failure> {
        self.show(&Page::of(format!("   {text}")))
    }

    /// What the agent does.
    pub fn agent(self, text: &str) -> Result<(), Failure> {
        self.who("agent      ", Tone::Name, text)
    }

    /// What Briefcase does.
    pub fn briefcase(self, tone: Tone, text: &str) -> Result<(), Failure> {
        self.who("briefcase  ", tone, text)
    }

    /// What the person does.
    pub fn person(self, text: &str) -> Result<(), Failure> {
        self.who("person     ", Tone::Warn, text)
    }

    fn who(self, who: &str, tone: Tone, text: &str) -> Result<(), Failure> {
        let mut page = Page::new();
        for (at, line) in text.lines().enumerate() {
            let who = if at == 0 { who } else { "           " };
            page.line(["   ".into(), span(who, tone), line.into()]);
        }
        self.show(&page)
    }

    /// A page of a command, indented.
    pub fn quote(self, quoted: &Page) -> Result<(), Failure> {
        let mut page = Page::new();
        page.indented(quoted, "   │ ");
        self.show(&page)
    }
}
