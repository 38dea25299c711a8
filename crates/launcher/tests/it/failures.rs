//! Each failure of a start has its own error, with the next step if a person can take one.

use std::{io::ErrorKind, path::PathBuf, time::Duration};

use briefcase_launcher::JailLauncher;
use briefcase_ports::{LaunchCommand, LaunchError, Launcher as _};

use crate::{command, launcher};

async fn failure(launcher: JailLauncher, command: LaunchCommand) -> LaunchError {
    launcher.launch(command).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn a_missing_launcher_names_the_repair_of_the_installation() {
    let missing = JailLauncher::new(PathBuf::from("/nonexistent/briefcase-jail")).unwrap();
    let error = failure(missing, command(&["true"])).await;
    assert!(matches!(error, LaunchError::LauncherUnusable(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "`/nonexistent/briefcase-jail` is missing; install all Briefcase programs of one version in one folder"
    );
}

#[tokio::test]
async fn another_program_instead_of_the_launcher_is_an_error() {
    let error = failure(JailLauncher::new(PathBuf::from("/bin/true")).unwrap(), command(&["true"])).await;
    assert!(matches!(error, LaunchError::LauncherFailed(_)), "{error:?}");
    let silent = JailLauncher::new(PathBuf::from("/bin/cat")).unwrap().with_deadline(Duration::from_millis(300));
    let error = failure(silent, command(&["true"])).await;
    assert!(matches!(error, LaunchError::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    for program in ["/nonexistent/server", "no-such-server-in-the-path"] {
        let error = failure(launcher(), command(&[program])).await;
        let LaunchError::Program { program: named, kind } = &error else { panic!("{error:?}") };
        assert_eq!((&**named, *kind), (program, ErrorKind::NotFound));
    }
}

#[tokio::test]
async fn a_file_that_is_not_executable_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let error = failure(launcher(), command(&[path])).await;
    assert!(matches!(&error, LaunchError::Program { kind: ErrorKind::PermissionDenied, .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_working_directory_is_named() {
    let mut command = command(&["true"]);
    command.cwd = PathBuf::from("/nonexistent/folder");
    let error = failure(launcher(), command).await;
    let LaunchError::WorkingDirectory { cwd, kind } = &error else { panic!("{error:?}") };
    assert_eq!((&**cwd, *kind), ("/nonexistent/folder", ErrorKind::NotFound));
}

#[tokio::test]
async fn a_command_without_a_program_is_an_error() {
    assert!(matches!(failure(launcher(), command(&[])).await, LaunchError::NoProgram));
}

#[tokio::test]
async fn a_zero_byte_in_an_argument_is_an_error() {
    let error = failure(launcher(), command(&["true", "a\0b"])).await;
    assert!(matches!(&error, LaunchError::Program { kind: ErrorKind::InvalidInput, .. }), "{error:?}");
}
