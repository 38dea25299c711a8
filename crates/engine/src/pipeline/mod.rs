//! The pipeline of a call, from the agent's request to the released reply.
//!
//! ```text
//! Call ─resolve─▶ Resolved ─validate─▶ Validated ─decide─▶ Permitted ─reserve─▶ Reserved ─execute─▶ Answered ─release─▶ Released
//!                                                             ▲                                                └──▶ Quoted
//!                                                             └──────────────────────decide_quote─────────────────────┘
//! ```
//!
//! Each stage consumes the value on its left and is the only way to make the value on its right: the fields are private to
//! the stage's file.
//!
//! Invariant: nothing executes without a permit, a reservation and an intent receipt. Nothing reaches the agent without a
//! durable outcome receipt. A stage ends a call with a [`CallRejection`], and [`run`] turns it into a refusal with a receipt.
//!
//! The types forbid the following. The compiler checks each in the tests of this page.
//!
//! Executing a permitted call, which has no reservation and no intent receipt:
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, pipeline::{Permitted, execute}};
//! # use briefcase_ports::ClientPeer;
//! async fn shortcut(engine: &Arc<Engine>, permitted: Permitted, client: Arc<dyn ClientPeer>) { execute(engine, permitted, client).await; }
//! ```
//! Executing a validated call:
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, pipeline::{Validated, execute}};
//! # use briefcase_ports::ClientPeer;
//! async fn shortcut(engine: &Arc<Engine>, validated: Validated, client: Arc<dyn ClientPeer>) { execute(engine, validated, client).await; }
//! ```
//! Executing twice with one reservation:
//! ```compile_fail,E0382
//! # use std::sync::Arc; use briefcase_engine::{Engine, pipeline::{Reserved, execute}};
//! # use briefcase_ports::ClientPeer;
//! async fn twice(engine: &Arc<Engine>, reserved: Reserved, client: Arc<dyn ClientPeer>) {
//!     execute(engine, reserved, client.clone()).await;
//!     execute(engine, reserved, client).await;
//! }
//! ```
//! Constructing a permitted, reserved or released call:
//! ```compile_fail,E0451
//! # use briefcase_engine::pipeline::Permitted;
//! fn forge(permitted: Permitted) -> Permitted { Permitted { ..permitted } }
//! ```
//! ```compile_fail,E0451
//! # use briefcase_engine::pipeline::Reserved;
//! fn forge(reserved: Reserved) -> Reserved { Reserved { ..reserved } }
//! ```
//! ```compile_fail,E0451
//! # use briefcase_engine::call::Released;
//! fn forge(released: Released) -> Released { Released { ..released } }
//! ```
//! Executing or reserving a quoted call without a new permit, or constructing one:
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, pipeline::{Quoted, execute}};
//! # use briefcase_ports::ClientPeer;
//! async fn pay(engine: &Arc<Engine>, quoted: Quoted, client: Arc<dyn ClientPeer>) { execute(engine, quoted, client).await; }
//! ```
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, pipeline::{Quoted, reserve}};
//! async fn pay(engine: &Arc<Engine>, quoted: Quoted) { let _ = reserve(engine, quoted).await; }
//! ```
//! ```compile_fail,E0451
//! # use briefcase_engine::pipeline::Quoted;
//! fn forge(quoted: Quoted) -> Quoted { Quoted { ..quoted } }
//! ```
//! Releasing a call that was not executed:
//! ```compile_fail,E0308
//! # use std::sync::Arc; use briefcase_engine::{Engine, pipeline::{Reserved, release}};
//! async fn shortcut(engine: &Arc<Engine>, reserved: Reserved) { let _ = release(engine, reserved).await; }
//! ```
//! Spending or deciding an approval outside the engine:
//! ```compile_fail,E0624
//! # use briefcase_engine::approvals::{CallKey, ApprovalQueue}; use briefcase_types::{ApprovalId, UnixMillis};
//! fn steal(queue: &ApprovalQueue, id: ApprovalId, key: CallKey) { let _ = queue.spend(id, key, 1, UnixMillis(0)); }
//! ```
//! ```compile_fail,E0624
//! # use briefcase_engine::approvals::ApprovalQueue; use briefcase_types::{ApprovalId, UnixMillis};
//! fn approve(queue: &ApprovalQueue, id: ApprovalId) { queue.finish_decision(id, None, 1, UnixMillis(0)); }
//! ```
//! Using a continuation twice:
//! ```compile_fail,E0277
//! # use briefcase_engine::call::Continuation;
//! fn copy(continuation: &Continuation) -> Continuation { Continuation::clone(continuation) }
//! ```

mod beside;
mod decide;
mod execute;
mod quote;
mod rejection;
mod release;
mod reserve;
mod resolve;
mod spans;
mod validate;

use std::sync::Arc;

use briefcase_types::{CallId, Refusal};
pub use decide::{Permitted, decide};
pub use execute::{Answered, execute};
pub use quote::{Quoted, decide_quote};
pub use rejection::CallRejection;
pub(crate) use rejection::unrecorded;
pub use release::{ReleaseResult, release};
pub use reserve::{Reserved, reserve};
pub use resolve::{CallTarget, Resolved, resolve};
pub use validate::{Validated, validate};

use crate::{
    Engine,
    call::{Call, CallContext, Released},
};
use briefcase_ports::ClientPeer;
use tracing::{Instrument as _, debug_span};

/// Runs a call to its released reply, or to a refusal. Both have a receipt.
///
/// The caller must drive the future to its end, so that the outcome is recorded. To cancel, it uses the request's token.
pub async fn run(engine: &Arc<Engine>, call: Call, client: Arc<dyn ClientPeer>) -> Result<Released, Refusal> {
    let context = context(engine, &call);
    let span = spans::call(&context, &call);
    match run_stages(engine, context.clone(), call, client).instrument(span.clone()).await {
        Ok(released) => Ok(released),
        Err(rejection) => {
            let refusal = rejection.record(engine, &context).await;
            span.record("error.type", refusal.code.as_str());
            Err(refusal)
        }
    }
}

async fn run_stages(
    engine: &Arc<Engine>,
    context: CallContext,
    call: Call,
    client: Arc<dyn ClientPeer>,
) -> Result<Released, CallRejection> {
    let resolved = resolve(engine, context, call).instrument(debug_span!("resolve")).await?;
    let validated = debug_span!("validate").in_scope(|| validate(engine, resolved))?;
    let mut permitted = decide(engine, validated, &client).instrument(debug_span!("decide")).await?;
    loop {
        let reserved = reserve(engine, permitted).instrument(debug_span!("reserve")).await?;
        let span = spans::execute(&reserved.context, &reserved.call);
        let answered = execute(engine, reserved, Arc::clone(&client)).instrument(span).await;
        match release(engine, answered).instrument(debug_span!("release")).await? {
            ReleaseResult::Released(released) => return Ok(released),
            ReleaseResult::Quoted(quoted) => permitted = decide_quote(*quoted)?,
        }
    }
}

fn context(engine: &Engine, call: &Call) -> CallContext {
    let task = engine.tasks.named(&call.session.agent, &call.request.connection.server, &call.request.operation);
    CallContext {
        call: CallId::random(engine.entropy.as_ref()),
        agent: call.session.agent.clone(),
        session: call.session.id,
        server: call.request.connection.server.clone(),
        operation: call.request.operation.word(),
        // A request about a task counts as a use of the tool that runs the task.
        name: task.as_ref().map_or(&call.request.operation, |task| &task.operation).name().to_owned(),
    }
}
