//! The person's terminal, which reads PINs and decisions.
//!
//! Invariant: a secret is read from `/dev/tty` only, with echo off, never from stdin, arguments or the environment. So a pipe
//! cannot replace a person. The terminal's modes are restored, also on Ctrl-C: signal keys are off while reading, and Ctrl-C
//! is an ordinary value.

use std::{
    fs::File,
    io::Write as _,
    os::fd::AsFd,
    sync::atomic::{AtomicBool, Ordering},
};

use briefcase_types::SecretString;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr},
};
use zeroize::Zeroizing;

use crate::{failure::Failure, output::TextOutput};

/// Longest line that is read.
const LINE_MAX: usize = 4096;
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_U: u8 = 21;
const ESCAPE: u8 = 27;

/// The terminal that controls this process.
#[derive(Debug)]
pub struct Terminal {
    tty: File,
}

/// Whether typed characters are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    Off,
    On,
}

impl Terminal {
    /// Opens the terminal.
    pub fn open() -> Result<Self, Failure> {
        File::options().read(true).write(true).open("/dev/tty").map(|tty| Self { tty }).map_err(|_| no_terminal())
    }

    /// Shows lines.
    pub fn show(&self, output: &TextOutput) -> Result<(), Failure> {
        let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        self.write(&output.render(colour))
    }

    /// Reads a secret. Nothing of it is shown.
    pub fn secret(&self, prompt: &str) -> Result<SecretString, Failure> {
        self.read_line(prompt, Echo::Off).map(|text| SecretString::new(String::clone(&text)))
    }

    /// Reads a line.
    pub fn line(&self, prompt: &str) -> Result<String, Failure> {
        self.read_line(prompt, Echo::On).map(|text| text.trim().to_owned())
    }

    /// Asks a yes-or-no question. The default is no.
    pub fn confirm(&self, question: &str) -> Result<bool, Failure> {
        let answer = self.line(&format!("{question} [y/N] "))?;
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Waits for one of `keys`; `None` once `stop` is set.
    pub fn key(&self, prompt: &str, keys: &str, stop: &AtomicBool) -> Result<Option<char>, Failure> {
        let _quiet = Quiet::begin(&self.tty)?;
        self.write(prompt)?;
        loop {
            if stop.load(Ordering::Acquire) {
                self.write("\n")?;
                return Ok(None);
            }
            let Some(byte) = self.byte_within(Some(200))? else { continue };
            if matches!(byte, CTRL_C | CTRL_D) {
                self.write("\n")?;
                return Err(Failure::Cancelled);
            }
            let key = char::from(byte).to_ascii_lowercase();
            if keys.contains(key) {
                self.write(&format!("{key}\n"))?;
                return Ok(Some(key));
            }
        }
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        Ok((&self.tty).write_all(text.as_bytes())?)
    }

    fn read_line(&self, prompt: &str, echo: Echo) -> Result<Zeroizing<String>, Failure> {
        let _quiet = Quiet::begin(&self.tty)?;
        self.write(prompt)?;
        let mut line = Zeroizing::new(Vec::with_capacity(LINE_MAX));
        loop {
            match self.byte_within(None)?.unwrap_or(CTRL_D) {
                b'\r' | b'\n' => break,
                CTRL_C => return self.cancelled(),
                CTRL_D if line.is_empty() => return self.cancelled(),
                8 | 127 => self.rub_out(&mut line, echo)?,
                CTRL_U => {
                    while !line.is_empty() {
                        self.rub_out(&mut line, echo)?;
                    }
                }
                ESCAPE => self.skip_sequence()?,
                0..32 => {}
                byte if line.len() < LINE_MAX => {
                    line.push(byte);
                    if echo == Echo::On {
                        (&self.tty).write_all(&[byte])?;
                    }
                }
                _ => {}
            }
        }
        self.write("\n")?;
        let text = std::str::from_utf8(&line).map_err(|_| {
            Failure::usage("What was typed is not UTF-8.", "Set the terminal to UTF-8, then type it again.")
        })?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn cancelled<T>(&self) -> Result<T, Failure> {
        self.write("\n")?;
        Err(Failure::Cancelled)
    }

    /// Removes the last character, which may be several bytes.
    fn rub_out(&self, line: &mut Vec<u8>, echo: Echo) -> Result<(), Failure> {
        while let Some(byte) = line.pop() {
            if byte & 0xc0 != 0x80 {
                if echo == Echo::On {
                    self.write("\u{8} \u{8}")?;
                }
                break;
            }
        }
        Ok(())
    }

    /// Skips the escape sequences of arrow keys, function keys and pastes.
    fn skip_sequence(&self) -> Result<(), Failure> {
        if self.byte_within(Some(20))? == Some(b'[') {
            while let Some(byte) = self.byte_within(Some(20))? {
                if byte.is_ascii_alphabetic() || byte == b'~' {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The next byte, or `None` after the waiting time. The end of the input cancels.
    fn byte_within(&self, millis: Option<i64>) -> Result<Option<u8>, Failure> {
        let timeout = millis.map(|millis| Timespec { tv_sec: 0, tv_nsec: millis * 1_000_000 });
        let mut ready = [PollFd::new(&self.tty, PollFlags::IN)];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(0) | Err(Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(errno) => return Err(std::io::Error::from(errno).into()),
        }
        let mut byte = [0];
        match rustix::io::read(&self.tty, &mut byte) {
            Ok(1) => Ok(byte.first().copied()),
            Err(Errno::INTR) => Ok(None),
            _ => Err(Failure::Cancelled),
        }
    }
}

/// The failure of a command that needs a person and has no terminal.
fn no_terminal() -> Failure {
    let next = "Run this in a terminal, or decide in the console: `briefcase console`. A PIN is never taken from a pipe, an argument or the environment.";
    Failure::new("no_terminal", "This needs a person at a terminal, but no terminal is attached.", next)
}

/// A guard for a terminal without echo and signals. Dropping it restores the modes.
struct Quiet<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    /// Also discards earlier input, which was not typed for this prompt.
    fn begin(tty: &'a File) -> Result<Self, Failure> {
        let before = tcgetattr(tty.as_fd()).map_err(|_| no_terminal())?;
        let mut quiet = before.clone();
        quiet.local_modes -=
            LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        quiet.input_modes -= InputModes::IXON;
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(tty.as_fd(), OptionalActions::Flush, &quiet).map_err(std::io::Error::from)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.tty.as_fd(), OptionalActions::Now, &self.before);
    }
}
