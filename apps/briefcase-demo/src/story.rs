//! The main job in six acts.

use std::time::Instant;

use briefcase::{
    change::with_known_pin,
    command::{
        approvals::{self, Choice, decide_interactively, decide_with_pin, request_output},
        factor::new_pin,
        receipts, server,
    },
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
    terminal::Terminal,
};
use briefcase_api::{Change, ReceiptQuery, ServerSpec};
use briefcase_types::{ApprovalRequest, SecretString, ToolName};
use serde_json::{Value, json};

use crate::{agent::DemoAgent, home::DemoHome, narrator::Narrator, tamper};

/// The rule that denies.
const RULE: &str = r#"
@id("keys-stay-private")
forbid (principal, action in Action::"call", resource)
when { context.args_json like "*.ssh*" };
"#;

const REPORT: &str = "The release is on Thursday. The tests are green.\n";

/// One run of the demo.
pub struct Story<'a> {
    home: &'a mut DemoHome,
    narrator: Narrator,
    alone: bool,
    began: Instant,
}

impl<'a> Story<'a> {
    /// A run in this home. With `alone` the demo decides in place of a person.
    pub fn new(home: &'a mut DemoHome, narrator: Narrator, alone: bool) -> Self {
        Self { home, narrator, alone, began: Instant::now() }
    }

    /// Runs every act.
    pub async fn run(mut self, server: Vec<String>) -> Result<CommandResult, Failure> {
        let pin = self.set_up().await?;
        self.register(server, &pin).await?;
        let mut agent = waiting("Connecting", DemoAgent::connect(&self.home.ctx)).await?;
        self.allowed(&mut agent).await?;
        self.denied(&mut agent).await?;
        let written = self.asked(&mut agent, &pin).await?;
        drop(agent);
        let proved = self.proved().await?;
        self.close()?;
        let json = json!({
            "allowed": true,
            "denied": true,
            "asked": true,
            "written": written,
            "verified": proved,
            "tampering_found": true,
            "ms": u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        Ok(CommandResult::new(TextOutput::new(), &json))
    }

    fn ctx(&self) -> &CommandContext {
        &self.home.ctx
    }

    async fn set_up(&mut self) -> Result<SecretString, Failure> {
        let mut output = TextOutput::new();
        output.line([
            span("Briefcase", Tone::Strong),
            "  in a temporary directory. Your own files are not touched.".into(),
        ]);
        self.narrator.show(&output)?;
        self.narrator.act("1  Set-up")?;
        let pin = if self.alone {
            self.narrator.say("The demo plays the person, with a random PIN for its temporary directory.")?;
            random_pin()?
        } else {
            self.narrator.say("Choose a PIN for this demo. An agent on this computer does not have it.")?;
            new_pin(&Terminal::open()?)?
        };
        let ready = waiting("Creating the vault", self.home.set_up(&pin)).await?;
        let text = format!("vault with a generated key, PIN enrolled, daemon {} at {}", ready.state, ready.console);
        self.narrator.briefcase(Tone::Good, &text)?;
        Ok(pin)
    }

    /// Registers a real third-party server, accepts its tools as a person would, and adds one rule.
    async fn register(&self, mut argv: Vec<String>, pin: &SecretString) -> Result<(), Failure> {
        self.narrator.act("2  A real MCP server, by somebody else")?;
        argv.push(self.home.folder().display().to_string());
        let spec = ServerSpec::Stdio {
            argv,
            env: std::collections::BTreeMap::new(),
            secret_env: std::collections::BTreeMap::new(),
            cwd: None,
            settings: Box::default(),
        };
        let client = &self.ctx().client;
        let probe = waiting("Connecting to the server", client.probe(&spec, None)).await?;
        let reads: Vec<ToolName> = server::hinted_reads(&probe);
        let text = format!(
            "it reported name {}, speaks {}, and offers {} tools;\n{} only read and may run, the others ask first",
            probe.calls_itself,
            probe.protocol,
            probe.tools.len(),
            reads.len(),
        );
        self.narrator.briefcase(Tone::Good, &text)?;
        let name = "files".parse().map_err(|_| Failure::Cancelled)?;
        let add = Change::AddServer { name, spec, probe: probe.digest, reads, reads_granted: true };
        let added = with_known_pin(self.ctx(), add, pin).await?;
        let policy = client.policy().await?;
        let text = format!("{}{RULE}", policy.text);
        let changed = with_known_pin(self.ctx(), Change::SetPolicy { text }, pin).await?;
        self.narrator.person(&format!(
            "accepts the tools as shown ({}), and adds a rule ({}):",
            added.receipt, changed.receipt
        ))?;
        let mut rule = TextOutput::new();
        rule.block(RULE.trim(), "", Tone::Name);
        self.narrator.quote(&rule)
    }

    async fn allowed(&self, agent: &mut DemoAgent) -> Result<(), Failure> {
        self.narrator.act("3  Allowed: a read")?;
        let tools = agent.tools().await?;
        self.narrator.agent(&format!("connects through mcp-gateway and sees {} tools", tools.len()))?;
        let path = self.home.file("notes/meeting.md");
        self.narrator.agent("files__read_text_file notes/meeting.md")?;
        let called = waiting("Reading", agent.call("files__read_text_file", &json!({ "path": path }))).await?;
        match called.refused {
            None => {
                self.narrator.briefcase(Tone::Good, "allowed by `granted-reads-run`, recorded, released")?;
                let mut output = TextOutput::new();
                output.block(&called.text, "", Tone::Plain);
                self.narrator.quote(&output)
            }
            Some(code) => Err(unexpected("the read was refused", &code, &called.text)),
        }
    }

    async fn denied(&self, agent: &mut DemoAgent) -> Result<(), Failure> {
        self.narrator.act("4  Denied: a key")?;
        let path = self.home.file(".ssh/id_ed25519");
        self.narrator.agent("files__read_text_file .ssh/id_ed25519")?;
        let called = agent.call("files__read_text_file", &json!({ "path": path })).await?;
        match called.refused {
            Some(code) if code == "denied" => {
                self.narrator.briefcase(Tone::Bad, &called.text)?;
                self.narrator.say("The server never saw the call.")
            }
            other => Err(unexpected("the key was not denied", other.as_deref().unwrap_or("allowed"), &called.text)),
        }
    }

    /// The agent waits while a person decides. Returns whether the file was written.
    async fn asked(&self, agent: &mut DemoAgent, pin: &SecretString) -> Result<bool, Failure> {
        self.narrator.act("5  Asked: a write")?;
        let path = self.home.file("notes/report.md");
        self.narrator.agent("files__write_file notes/report.md   … and waits")?;
        let arguments = json!({ "path": path, "content": REPORT });
        let (called, ()) = tokio::try_join!(agent.call("files__write_file", &arguments), self.decide(pin))?;
        let written = std::fs::read_to_string(&path).is_ok_and(|text| text == REPORT);
        match (&called.refused, written) {
            (None, true) => {
                self.narrator.briefcase(Tone::Good, "spent the approval on exactly that call; the file is written")?;
            }
            (Some(_), false) if !self.alone => self.narrator.briefcase(Tone::Bad, &called.text)?,
            (code, _) => {
                return Err(unexpected("the write went wrong", code.as_deref().unwrap_or("no refusal"), &called.text));
            }
        }
        Ok(written)
    }

    async fn decide(&self, pin: &SecretString) -> Result<(), Failure> {
        let request = waiting("Waiting for the request", self.request()).await?;
        let ctx = self.ctx();
        let mut output = TextOutput::new();
        output.append(request_output(&request, ctx.now()));
        self.narrator.quote(&output)?;
        if self.alone {
            let decided = decide_with_pin(ctx, &request, &Choice::Once, pin).await?;
            return self.narrator.person(&format!("allows it once, with the PIN ({})", decided.receipt));
        }
        let login = ctx.client.console_login().await?;
        self.narrator.say(&format!("The console shows it too: {}", login.url))?;
        decide_interactively(ctx, &request).await
    }

    async fn request(&self) -> Result<ApprovalRequest, Failure> {
        loop {
            if let Some(request) = approvals::open(self.ctx()).await?.pop() {
                return Ok(request);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Verifies the record, then changes a copy and verifies that.
    async fn proved(&self) -> Result<Value, Failure> {
        self.narrator.act("6  Proved: the record")?;
        let ctx = self.ctx();
        let newest = ReceiptQuery { limit: Some(100), ..ReceiptQuery::default() };
        let output = ctx.client.receipts(&newest).await?;
        self.narrator.quote(&receipts::rows_output(&output.receipts))?;
        self.narrator.say("briefcase receipts verify")?;
        let verified = receipts::Verify::default().run(ctx).await?;
        self.narrator.quote(&verified.output)?;
        if verified.negative {
            return Err(unexpected("the record does not hold", "verify", &verified.json.to_string()));
        }
        self.narrator.say("Now somebody edits a copy, so that the write looks like a harmless list:")?;
        let copy = self.home.beside("copy");
        receipts::export(ctx, &copy).await?;
        let key = std::fs::read_to_string(copy.join("log.key"))?;
        let whole = receipts::verify_folder(&copy, &key)?;
        let changed = tamper::rewrite(&copy, r#""name":"write_file""#, r#""name":"list_files""#)?;
        let found = receipts::verify_folder(&copy, &key)?;
        if whole.negative || changed == 0 || !found.negative {
            return Err(unexpected("the tampering was not found", "verify", &found.json.to_string()));
        }
        self.narrator.quote(&found.output)?;
        Ok(verified.json)
    }

    fn close(&self) -> Result<(), Failure> {
        let took = self.began.elapsed().as_millis();
        let mut output = TextOutput::new();
        output.blank().line([
            span("✓ ", Tone::Good),
            format!("allowed, denied, approved, proved in {}.{} s.", took / 1000, took % 1000 / 100).into(),
            " This home is removed now.".into(),
        ]);
        output.next("Make your own: `briefcase setup`");
        self.narrator.show(&output)
    }
}

/// A step ended otherwise than the demo claims, which ends the demo.
fn unexpected(what: &str, code: &str, text: &str) -> Failure {
    Failure::new("failed", format!("The demo went wrong: {what} ({code}): {text}"), "Please report this.")
}

/// Twelve characters without look-alikes, from the kernel's random source.
fn random_pin() -> Result<SecretString, Failure> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes).map_err(|_| {
        Failure::new("unavailable", "The system gives no randomness.", "Run it on a system that has getrandom.")
    })?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).map(|letter| char::from(*letter));
    Ok(SecretString::new(bytes.iter().filter_map(letter).collect()))
}
