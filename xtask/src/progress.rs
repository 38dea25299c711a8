//! Progress of long work: on a terminal one changing line, elsewhere a line at intervals.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The interval of updates on a terminal, and that of lines elsewhere.
const MOVES: Duration = Duration::from_millis(500);
const SPEAKS: Duration = Duration::from_secs(60);

/// The maximum width of a line on a terminal.
const WIDTH: usize = 100;

/// The running work: each piece by its name, with its last printed line.
#[derive(Clone)]
pub struct Progress {
    terminal: bool,
    running: Arc<Mutex<BTreeMap<&'static str, Running>>>,
}

struct Running {
    since: Instant,
    last: String,
}

/// Shows the progress until it is dropped.
pub struct Shown {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), running: Arc::default() }
    }

    pub fn begin(&self, name: &'static str) {
        self.running().insert(name, Running { since: Instant::now(), last: String::new() });
    }

    /// Records a printed line of the work.
    pub fn line(&self, name: &'static str, line: &str) {
        let line = line.trim();
        if let Some(running) = self.running().get_mut(name).filter(|_| !line.is_empty()) {
            running.last = plain(line);
        }
    }

    pub fn end(&self, name: &'static str) {
        self.running().remove(name);
    }

    /// Prints a permanent line.
    pub fn print(&self, line: &str) {
        let _whole = self.running();
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        println!("{clear}{line}");
    }

    /// Starts showing the progress.
    pub fn show(&self) -> Shown {
        let (end, ended) = mpsc::channel();
        let this = self.clone();
        let every = if self.terminal { MOVES } else { SPEAKS };
        let thread = std::thread::spawn(move || {
            while matches!(ended.recv_timeout(every), Err(mpsc::RecvTimeoutError::Timeout)) {
                this.tick();
            }
        });
        Shown { end: Some(end), thread: Some(thread) }
    }

    fn tick(&self) {
        let running = self.running();
        let parts: Vec<String> = running
            .iter()
            .map(|(name, Running { since, last })| format!("{name} {}: {last}", super::ci::shown(since.elapsed())))
            .collect();
        if parts.is_empty() {
            return;
        }
        if self.terminal {
            print!("\r\x1b[K{}", clip(&parts.join(" | "), WIDTH));
            // A closed terminal does not stop the work.
            let _gone = std::io::stdout().flush();
        } else {
            for part in parts {
                println!("        … {}", clip(&part, WIDTH));
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<&'static str, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // The thread ends when the sender is dropped.
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
        if std::io::stdout().is_terminal() {
            print!("\r\x1b[K");
        }
    }
}

/// Returns the text without control sequences.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut escaped = false;
    for c in line.chars() {
        match (escaped, c) {
            (false, '\x1b') => escaped = true,
            (false, c) if !c.is_control() => text.push(c),
            (true, c) if c.is_ascii_alphabetic() => escaped = false,
            _ => {}
        }
    }
    text
}

fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_without_colours_and_not_wider_than_the_terminal() {
        assert_eq!(plain("\x1b[1m\x1b[32m   Compiling\x1b[0m serde\r"), "   Compiling serde");
        assert_eq!(clip("abcdef", 3), "abc…");
        assert_eq!(clip("abc", 3), "abc");
    }

    #[test]
    fn work_is_shown_while_it_runs() {
        let progress = Progress::new();
        progress.begin("build");
        progress.line("build", "Compiling serde");
        progress.line("build", "  ");
        assert_eq!(progress.running().get("build").unwrap().last, "Compiling serde");
        progress.end("build");
        assert!(progress.running().is_empty());
    }
}
