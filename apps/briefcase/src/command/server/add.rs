//! `briefcase server add`

use briefcase_admin_client::pin_evidence;
use briefcase_api::{Change, Probe, ServerSpec, ToolView};
use briefcase_types::{ServerId, ServerSettings, ToolName};
use clap::Args;

use super::{
    probe,
    set::StartSettings,
    spec::{self, ServerArguments, describe},
};
use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  A local server; tools that its annotations call reads may run without approval:
      briefcase server add files --read-all-hinted -- \\
          npx -y @modelcontextprotocol/server-filesystem ~/notes
  A remote server whose key stays in the vault:
      briefcase secret set github
      briefcase server add github --url https://api.githubcopilot.com/mcp/ \\
          --header 'Authorization: Bearer {secret}' --secret github
  A local server with its key in its environment; two of its tools are reads:
      briefcase server add search --secret-env API_KEY=search \\
          --read web_search --read fetch -- search-mcp

Briefcase connects to the server and shows its tools before you accept anything. Accepted definitions are pinned: a tool \
that changes later is blocked. Every tool that is not a read needs your approval.";

/// Add a server: review what it offers, then accept it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Add {
    /// Its name here: 1 to 32 of a-z, 0-9 and -
    name: ServerId,
    #[command(flatten)]
    arguments: ServerArguments,
    #[command(flatten)]
    start: StartSettings,
    /// A tool that only reads and may run without approval (may be repeated)
    #[arg(long, value_name = "TOOL", num_args = 1)]
    read: Vec<ToolName>,
    /// Trust the server's annotations for which tools only read
    #[arg(long, conflicts_with = "read")]
    read_all_hinted: bool,
    /// Resources and prompts may be read without approval
    #[arg(long)]
    reads_granted: bool,
    /// Start a local command for discovery without asking
    #[arg(long, short)]
    yes: bool,
}

impl Add {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let Self { name, arguments, start, read, read_all_hinted, reads_granted, yes } = self;
        let spec = arguments.spec()?.with_settings(start.applied_to(ServerSettings::default()));
        let terminal = Terminal::open()?;
        require_secrets(ctx, &spec).await?;
        let mut intro = TextOutput::new();
        intro.heading(format!("Server `{name}`")).append(describe(&spec));
        terminal.show(&intro)?;
        let local = matches!(spec, ServerSpec::Stdio { .. });
        if local && !yes && !terminal.confirm("Start this program now, as your user, to list what it offers?")? {
            return Err(Failure::Cancelled);
        }
        let probed = connect(ctx, &spec).await?;
        let reads = if read_all_hinted { super::hinted_reads(&probed) } else { read };
        terminal.show(&offer(&probed, &reads, reads_granted))?;
        let change = Change::AddServer { name: name.clone(), spec, probe: probed.digest, reads, reads_granted };
        let added = probed.tools.iter().filter(|tool| tool.state != "quarantined").count();
        let applied = change::confirm(ctx, change).await?;
        let mut answer = change::answer(&format!("Server `{name}` added with {added} tools."), &applied);
        answer.output.next("Connected agents see the tools at once. `briefcase tools` lists them.");
        Ok(answer)
    }
}

/// Connects to the server. A server that gets a secret needs a PIN first.
async fn connect(ctx: &CommandContext, spec: &ServerSpec) -> Result<Probe, Failure> {
    const CONNECTING: &str = "Connecting to the server (a first start may download its program and take minutes)";
    let named: Vec<String> = spec::secrets(spec).into_iter().map(ToString::to_string).collect();
    if named.is_empty() {
        return Ok(waiting(CONNECTING, ctx.client.probe(spec, None)).await?);
    }
    let what_for = format!("to send it {} and list what it offers", named.join(", "));
    change::with_pin(ctx, &what_for, async |pin| {
        Ok(waiting(CONNECTING, ctx.client.probe(spec, Some(pin_evidence(pin)))).await?)
    })
    .await
}

/// Fails when the vault lacks a secret of the server, before the server is started.
async fn require_secrets(ctx: &CommandContext, spec: &ServerSpec) -> Result<(), Failure> {
    let wanted = spec::secrets(spec);
    if wanted.is_empty() {
        return Ok(());
    }
    let known = ctx.client.secrets().await?;
    match wanted.into_iter().find(|name| !known.iter().any(|secret| secret.name == **name)) {
        Some(missing) => {
            let next = format!("Add it with `briefcase secret set {missing}`, then run this command again.");
            Err(Failure::new("not_found", format!("The vault has no secret `{missing}`."), next))
        }
        None => Ok(()),
    }
}

/// The offers of a server, and the effect of accepting each tool.
fn offer(probed: &Probe, reads: &[ToolName], reads_granted: bool) -> TextOutput {
    let mut output = probe::output(probed);
    let runs = |name: &str| reads.iter().any(|read| read.as_str() == name);
    let (mut run, mut ask) = (Vec::new(), Vec::new());
    for tool in probed.tools.iter().filter(|tool| tool.state != "quarantined") {
        if runs(&tool.name) { run.push(tool.name.as_str()) } else { ask.push(tool.name.as_str()) }
    }
    let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    output.blank().heading("If you accept:");
    output.line([span("  run without approval: ", Tone::Warn), list(&run).into()]);
    output.line([span("  need approval:        ", Tone::Good), list(&ask).into()]);
    let named = |wanted: fn(&ToolView) -> bool| -> Vec<&str> {
        probed.tools.iter().filter(|tool| wanted(tool)).map(|tool| tool.name.as_str()).collect()
    };
    let held = named(|tool| tool.state == "quarantined");
    if !held.is_empty() {
        output.line([span("  quarantined:          ", Tone::Bad), list(&held).into()]);
    }
    let always = named(|tool| tool.always_asks);
    if !always.is_empty() {
        output.line([
            span("  always ask:           ", Tone::Good),
            list(&always).into(),
            ", arguments not checked".into(),
        ]);
    }
    if reads_granted {
        output.line([span("  resources and prompts are read without approval", Tone::Warn)]);
    }
    output.blank();
    output
}
