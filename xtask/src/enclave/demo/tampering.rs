//! A dishonest server: tampers with the served files. Each change is undone before the next.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::http::Answer;
use crate::failure::Failure;

pub struct Tampering {
    dir: PathBuf,
    /// The tampered file, and its original bytes.
    spoiled: Mutex<Option<(PathBuf, Vec<u8>)>>,
}

impl Tampering {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, spoiled: Mutex::default() }
    }

    pub fn answer(&self, what: &str) -> Answer {
        match self.spoil(what) {
            Ok(()) => Answer::new(200, json!({ "now": what })),
            Err(failure) => Answer::refused(400, &failure.to_string()),
        }
    }

    fn spoil(&self, what: &str) -> Result<(), Failure> {
        let mut spoiled = self.spoiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((path, bytes)) = spoiled.take() {
            std::fs::write(path, bytes)?;
        }
        let (path, change): (PathBuf, fn(&str) -> String) = match what {
            "honest" => return Ok(()),
            "module" => (self.module()?, |text| format!("{text} ")),
            "page" => (self.dir.join("kms.html"), |text| text.replace("</head>", "<script>1</script></head>")),
            "headers" => (self.dir.join(".well-known/kms-headers.txt"), |text| {
                text.replace("connect-src 'none'", "connect-src https://thief.example")
            }),
            "manifest" => {
                (self.dir.join(".well-known/kms-manifest.json"), |text| text.replace("\"version\":1", "\"version\":9"))
            }
            "proof" => (self.dir.join(".well-known/kms-manifest.tlog-proof"), |_| String::new()),
            _ => return Err(Failure::new("the tampering must be module, page, headers, manifest or proof")),
        };
        let honest = std::fs::read(&path)?;
        std::fs::write(&path, change(&String::from_utf8_lossy(&honest)))?;
        *spoiled = Some((path, honest));
        Ok(())
    }

    fn module(&self) -> Result<PathBuf, Failure> {
        let first = std::fs::read_dir(self.dir.join("artifacts"))?.next();
        Ok(first.ok_or_else(|| Failure::new("the folder has no module"))??.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_tampering_changes_one_file_and_is_undone() {
        let dir = std::env::temp_dir().join(format!("briefcase-cheat-{}", std::process::id()));
        let files = [
            ("artifacts/kms-0.mjs", "export {}"),
            ("kms.html", "<head></head>"),
            (".well-known/kms-headers.txt", "/kms.html\n  Content-Security-Policy: connect-src 'none'\n"),
            (".well-known/kms-manifest.json", r#"{"version":1}"#),
            (".well-known/kms-manifest.tlog-proof", "proof"),
        ];
        for (path, text) in files {
            std::fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
            std::fs::write(dir.join(path), text).unwrap();
        }
        let changed =
            || files.iter().filter(|(path, text)| std::fs::read(dir.join(path)).unwrap() != text.as_bytes()).count();
        let tampering = Tampering::new(dir.clone());
        for what in ["module", "page", "headers", "manifest", "proof"] {
            assert_eq!(tampering.answer(what).status, 200);
            assert_eq!(changed(), 1, "{what}");
        }
        assert_eq!(tampering.answer("everything").status, 400);
        assert_eq!(changed(), 0);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
