//! Tells the story of the demo on stdout, one act after the other.

use crate::{
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer,
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
    pub fn show(self, output: &TextOutput) -> Result<(), Failure> {
        if self.silent { Ok(()) } else { printer::show(output) }
    }

    /// A new act.
    pub fn act(self, title: &str) -> Result<(), Failure> {
        let mut output = TextOutput::new();
        output.blank().line([span("── ", Tone::Dim), span(title, Tone::Strong)]);
        self.show(&output)
    }

    /// What happens.
    pub fn say(self, text: &str) -> Result<(), Failure> {
        self.show(&TextOutput::of(format!("   {text}")))
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
        let mut output = TextOutput::new();
        for (at, line) in text.lines().enumerate() {
            let who = if at == 0 { who } else { "           " };
            output.line(["   ".into(), span(who, tone), line.into()]);
        }
        self.show(&output)
    }

    /// A page of a command, indented.
    pub fn quote(self, quoted: &TextOutput) -> Result<(), Failure> {
        let mut output = TextOutput::new();
        output.indented(quoted, "   │ ");
        self.show(&output)
    }
}
