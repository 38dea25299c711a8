//! The text of the demo on stdout, one act after the other.

use briefcase::{
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer,
};

/// Prints the acts for a person, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Narrator {
    silent: bool,
}

impl Narrator {
    /// Prints unless a program reads the output.
    pub const fn new(silent: bool) -> Self {
        Self { silent }
    }

    /// Prints lines.
    pub fn show(self, output: &TextOutput) -> Result<(), Failure> {
        if self.silent { Ok(()) } else { printer::show(output) }
    }

    /// Prints the title of an act.
    pub fn act(self, title: &str) -> Result<(), Failure> {
        let mut output = TextOutput::new();
        output.blank().line([span("── ", Tone::Dim), span(title, Tone::Strong)]);
        self.show(&output)
    }

    /// Prints a comment.
    pub fn say(self, text: &str) -> Result<(), Failure> {
        self.show(&TextOutput::of(format!("   {text}")))
    }

    /// Prints a step of the agent.
    pub fn agent(self, text: &str) -> Result<(), Failure> {
        self.step("agent      ", Tone::Name, text)
    }

    /// Prints a step of Briefcase.
    pub fn briefcase(self, tone: Tone, text: &str) -> Result<(), Failure> {
        self.step("briefcase  ", tone, text)
    }

    /// Prints a step of the person.
    pub fn person(self, text: &str) -> Result<(), Failure> {
        self.step("person     ", Tone::Warn, text)
    }

    fn step(self, actor: &str, tone: Tone, text: &str) -> Result<(), Failure> {
        let mut output = TextOutput::new();
        for (at, line) in text.lines().enumerate() {
            let actor = if at == 0 { actor } else { "           " };
            output.line(["   ".into(), span(actor, tone), line.into()]);
        }
        self.show(&output)
    }

    /// Prints the output of a command, indented.
    pub fn quote(self, quoted: &TextOutput) -> Result<(), Failure> {
        let mut output = TextOutput::new();
        output.indented(quoted, "   │ ");
        self.show(&output)
    }
}
