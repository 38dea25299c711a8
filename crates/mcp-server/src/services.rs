//! The parts of the MCP server that all connections share.

use std::sync::Arc;

use briefcase_ports::CallHandler;
use briefcase_types::Entropy;
use tokio_util::task::TaskTracker;

use crate::{config::Config, task_handles::TaskHandles};

/// The parts of the MCP server that all connections and running calls share.
pub(crate) struct Services {
    pub(crate) calls: Arc<dyn CallHandler>,
    pub(crate) config: Config,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) task_handles: TaskHandles,
    /// Running calls, including those whose client disconnected.
    pub(crate) tracker: TaskTracker,
}
