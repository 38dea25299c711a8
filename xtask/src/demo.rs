//! The main job for a person: release programs, a real third-party MCP server from npm, and `briefcase-demo`.
//!
//! Invariant: only the target folder and the cache are changed, and Ctrl-C reaches the demo, which cleans up.

use std::io::IsTerminal as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

/// The path of the server's program among its packages.
const SERVER: &str = "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js";

/// Builds the release programs and runs the main job with them; arguments go to `briefcase-demo`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    println!("demo: building briefcased, briefcase-jail, mcp-gateway and the demo (release; minutes the first time)");
    Step::cargo()
        .args([
            "build",
            "--locked",
            "--release",
            "-p",
            "briefcased",
            "-p",
            "briefcase-jail",
            "-p",
            "mcp-gateway",
            "-p",
            "briefcase-demo",
        ])
        .run()?;
    println!("demo: fetching the third-party MCP server (npm)\n");
    let server = server()?;
    let mut command = Step::new(workspace::target().join("release/briefcase-demo")).into_command();
    let there = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !there && !workspace::flag(args, "--non-interactive") {
        command.arg("--non-interactive");
    }
    command.args(args).args(["--", "node"]).arg(server);
    // Replaces this process: keyboard input, also Ctrl-C, goes to the demo itself.
    Err(command.exec().into())
}

/// The folder of the server in the cache.
pub fn server_dir() -> Result<PathBuf, Failure> {
    Ok(workspace::cache()?.join("demo"))
}

/// Installs the server into the cache by its lock file. Returns its program.
pub fn server() -> Result<PathBuf, Failure> {
    let dir = server_dir()?;
    std::fs::create_dir_all(&dir)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(workspace::root().join("xtask/demo").join(file), dir.join(file))?;
    }
    node::install(&dir)?;
    let program = dir.join(SERVER);
    if program.is_file() { Ok(program) } else { Err(Failure::new(format!("{} is missing", program.display()))) }
}
