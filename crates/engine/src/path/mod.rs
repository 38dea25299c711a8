//! The one path of a call.
//!
//! ```text
//! Call ─resolve─▶ Resolved ─validate─▶ Validated ─decide─▶ Permitted ─reserve─▶ Funded ─execute─▶ Answered ─release─▶ Released
//! ```
//!
//! Each stage consumes the value on its left and is the only way to make the one on its right: the fields are private to the
//! stage's file. So nothing executes without a permit, a reservation and an intent receipt, and nothing reaches the agent
//! without a durable outcome. Stages stop a call with a [`Stop`]; [`run`] turns it into a refusal with a receipt of its own.
//!
//! What the types forbid, checked by the compiler in the tests of this page:
//!
//! Executing what is only permitted (no reservation, no intent receipt):
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, path::{Permitted, execute}};
//! # use briefcase_ports::ClientPeer;
//! async fn shortcut(engine: &Arc<Engine>, permitted: Permitted, talk: Arc<dyn ClientPeer>) { execute(engine, permitted, talk).await; }
//! ```
//! Executing what was only validated:
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, path::{Validated, execute}};
//! # use briefcase_ports::ClientPeer;
//! async fn shortcut(engine: &Arc<Engine>, validated: Validated, talk: Arc<dyn ClientPeer>) { execute(engine, validated, talk).await; }
//! ```
//! Executing twice with one reservation:
//! ```compile_fail,E0382
//! # use std::sync::Arc; use briefcase_engine::{Engine, path::{Funded, execute}};
//! # use briefcase_ports::ClientPeer;
//! async fn twice(engine: &Arc<Engine>, funded: Funded, talk: Arc<dyn ClientPeer>) {
//!     execute(engine, funded, talk.clone()).await;
//!     execute(engine, funded, talk).await;
//! }
//! ```
//! Making a permit, a funded call or a release by hand:
//! ```compile_fail,E0451
//! # use briefcase_engine::path::Permitted;
//! fn forge(permitted: Permitted) -> Permitted { Permitted { ..permitted } }
//! ```
//! ```compile_fail,E0451
//! # use briefcase_engine::path::Funded;
//! fn forge(funded: Funded) -> Funded { Funded { ..funded } }
//! ```
//! ```compile_fail,E0451
//! # use briefcase_engine::call::Released;
//! fn forge(released: Released) -> Released { Released { ..released } }
//! ```
//! Releasing what was not answered:
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, path::{Funded, release}};
//! async fn shortcut(engine: &Arc<Engine>, funded: Funded) { let _ = release(engine, funded).await; }
//! ```
//! Spending an approval without the desk, or deciding without the engine:
//! ```compile_fail,E0624
//! # use briefcase_engine::desk::{CallKey, Desk}; use briefcase_types::{ApprovalId, UnixMillis};
//! fn steal(desk: &Desk, id: ApprovalId, key: CallKey) { let _ = desk.spend(id, key, 1, UnixMillis(0)); }
//! ```
//! ```compile_fail,E0624
//! # use briefcase_engine::desk::Desk; use briefcase_types::{ApprovalId, UnixMillis};
//! fn approve(desk: &Desk, id: ApprovalId) { desk.decided(id, None, 1, UnixMillis(0)); }
//! ```
//! Using a continuation twice:
//! ```compile_fail,E0599
//! # use briefcase_engine::call::Continuation;
//! fn copy(continuation: &Continuation) -> Continuation { continuation.clone() }
//! ```

mod decide;
mod execute;
mod release;
mod reserve;
mod resolve;
mod stop;
mod validate;

use std::sync::Arc;

use briefcase_types::{CallId, Refusal, UnixMillis};
pub use decide::{Permitted, decide};
pub use execute::{Answered, execute};
pub use release::release;
pub use reserve::{Funded, reserve};
pub use resolve::{Resolved, Target, resolve};
pub use stop::Stop;
pub use validate::{Validated, validate};

use crate::{
    Engine,
    call::{Call, Released},
};
use briefcase_ports::ClientPeer;

/// Runs a call from the agent's words to its released answer, or to a refusal. Both have a receipt.
///
/// The future must be driven to its end: cancel through [`Call::cancel`], so that the outcome is recorded.
pub async fn run(engine: &Arc<Engine>, call: Call, talk: Arc<dyn ClientPeer>) -> Result<Released, Refusal> {
    let trace = Trace::begin(engine, &call);
    match walk(engine, trace.clone(), call, talk).await {
        Ok(released) => Ok(released),
        Err(stop) => Err(stop.record(engine, &trace).await),
    }
}

async fn walk(engine: &Arc<Engine>, trace: Trace, call: Call, talk: Arc<dyn ClientPeer>) -> Result<Released, Stop> {
    let resolved = resolve(engine, trace, call).await?;
    let validated = validate(engine, resolved)?;
    let permitted = decide(engine, validated, &talk).await?;
    let funded = reserve(engine, permitted).await?;
    let answered = execute(engine, funded, talk).await;
    release(engine, answered).await
}

/// What every receipt of the call says about it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The call's id.
    pub call: CallId,
    /// When it arrived.
    pub arrived: UnixMillis,
    /// Whose.
    pub agent: briefcase_types::AgentId,
    /// From where.
    pub session: briefcase_types::SessionId,
    /// Where to.
    pub server: briefcase_types::ServerId,
    /// The operation's word.
    pub operation: &'static str,
    /// The tool's or prompt's name, for a task the one that runs it; empty for the rest.
    pub name: String,
}

impl Trace {
    fn begin(engine: &Arc<Engine>, call: &Call) -> Self {
        Self {
            call: CallId::random(engine.entropy.as_ref()),
            arrived: engine.clock.now(),
            agent: call.session.agent.clone(),
            session: call.session.id,
            server: call.line.server.clone(),
            operation: call.operation.word(),
            name: match engine.tasks.named(&call.session.agent, &call.line.server, &call.operation) {
                // What is done with a task is done with the tool that runs it.
                Some(made) => made.operation.name().to_owned(),
                None => call.operation.name().to_owned(),
            },
        }
    }
}
