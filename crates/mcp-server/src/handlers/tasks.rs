//! `tasks/*`: routes to the task of the agent's handle.

use std::sync::Arc;

use briefcase_json::raw::{object, quote};
use briefcase_ports::{FollowUp, Reply};
use briefcase_types::Era;

use super::calls::follow_up;
use crate::{
    client_capabilities::tasks_required,
    connection_state::ConnectionState,
    reply,
    request::{Request, required_string},
    task_handles::Runner,
};

/// Handles a task method.
pub(crate) async fn task(state: &Arc<ConnectionState>, request: &Request, method: FollowUp) -> Reply {
    if request.era() == Era::Modern && !request.client.capabilities.tasks {
        return reply::missing_capability(&tasks_required());
    }
    let members = match request.members() {
        Ok(members) => members,
        Err(reply) => return reply,
    };
    let handle = match required_string(&members, "taskId") {
        Ok(handle) => handle,
        Err(reply) => return reply,
    };
    let task = state.services().task_handles.find(&state.agent, Runner::Server, &handle);
    let Some(task) = task.filter(|task| state.serves(&task.server)) else {
        return reply::invalid_params("there is no task with this id");
    };
    let id = quote(&task.id);
    // Only members that the method has are passed on.
    let responses = members.get("inputResponses").filter(|_| method == FollowUp::UpdateTask);
    let responses = responses.map(|raw| ("inputResponses", raw));
    let params = object([("taskId", id.as_str())].into_iter().chain(responses));
    follow_up(state, request, task.server, method, params.into()).await
}
