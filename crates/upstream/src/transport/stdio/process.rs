//! A child process and everything it starts: one process group that ends with its connection.

use std::{collections::BTreeMap, path::Path, process::ExitStatus, time::Duration};

use briefcase_ports::{
    ChildProcess, LaunchCommand, LaunchError, LaunchedChild, Launcher, SecretSource, UpstreamFailure,
};
use briefcase_types::EnvValue;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::{child_environment::ChildEnvironment, credentials::env_value};

/// The time a child gets to end by itself, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// A running child. When this is dropped, the child gets a moment to end by itself; then its whole group is killed.
pub(crate) struct RunningChild {
    process: Option<Box<dyn ChildProcess>>,
    shutdown_tasks: TaskTracker,
}

/// A child to start.
pub(crate) struct ChildStart<'a> {
    pub(crate) argv: &'a [String],
    pub(crate) env: &'a BTreeMap<String, EnvValue>,
    pub(crate) cwd: Option<&'a Path>,
    pub(crate) pipes: bool,
    pub(crate) environment: &'a ChildEnvironment,
    pub(crate) secrets: &'a dyn SecretSource,
    pub(crate) launcher: &'a dyn Launcher,
    pub(crate) shutdown_tasks: &'a TaskTracker,
}

impl ChildStart<'_> {
    /// Starts the child. Its environment holds only what is named here.
    pub(crate) async fn launch(&self) -> Result<LaunchedChild, UpstreamFailure> {
        self.launcher.launch(self.command()?).await.map_err(failure)
    }

    fn command(&self) -> Result<LaunchCommand, UpstreamFailure> {
        let ChildEnvironment { path, home, lang } = self.environment;
        let plain = |text: &str| Zeroizing::new(text.to_owned());
        let home_text = home.to_str().ok_or_else(|| UpstreamFailure::NotReady("HOME is not UTF-8".into()))?;
        let mut env = vec![
            ("PATH".to_owned(), plain(path)),
            ("HOME".to_owned(), plain(home_text)),
            ("LANG".to_owned(), plain(lang)),
        ];
        for (name, value) in self.env {
            env.retain(|(present, _)| present != name);
            env.push((name.clone(), env_value(self.secrets, value)?));
        }
        let cwd = self.cwd.unwrap_or(home).to_owned();
        Ok(LaunchCommand { argv: self.argv.to_vec(), env, cwd, pipes: self.pipes })
    }
}

impl RunningChild {
    pub(crate) fn new(process: Box<dyn ChildProcess>, shutdown_tasks: TaskTracker) -> Self {
        Self { process: Some(process), shutdown_tasks }
    }

    /// Waits until the child has ended.
    pub(crate) async fn wait(&mut self) -> Option<ExitStatus> {
        self.process.as_mut()?.wait().await
    }
}

/// A failure that a person has to repair is no failure of the server.
fn failure(error: LaunchError) -> UpstreamFailure {
    match error {
        LaunchError::LauncherUnusable(_) | LaunchError::NoProgram => UpstreamFailure::NotReady(error.to_string()),
        LaunchError::TimedOut(_) => UpstreamFailure::TimedOut,
        error => UpstreamFailure::Unreachable(error.to_string()),
    }
}

impl Drop for RunningChild {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(_) => drop(self.shutdown_tasks.spawn(end(process))),
            Err(_) => process.kill(),
        }
    }
}

/// Ends a child whose standard input is already closed, which is how MCP ends a stdio session.
async fn end(mut process: Box<dyn ChildProcess>) {
    if timeout(GRACE, process.wait()).await.is_err() {
        process.terminate();
        let _late = timeout(GRACE, process.wait()).await;
    }
    process.kill();
    process.wait().await;
}
