//! The method names of both eras.

/// Legacy handshake.
pub const INITIALIZE: &str = "initialize";
/// Legacy: the client is ready.
pub const INITIALIZED: &str = "notifications/initialized";
/// Modern: the server's identity and capabilities.
pub const DISCOVER: &str = "server/discover";
/// Modern: opens one stream of change notifications.
pub const SUBSCRIPTIONS_LISTEN: &str = "subscriptions/listen";
/// Modern: the first message on a listen stream.
pub const SUBSCRIPTIONS_ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// Legacy liveness probe.
pub const PING: &str = "ping";
/// Lists tools.
pub const TOOLS_LIST: &str = "tools/list";
/// Calls a tool.
pub const TOOLS_CALL: &str = "tools/call";
/// The list of tools changed.
pub const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
/// Lists resources.
pub const RESOURCES_LIST: &str = "resources/list";
/// Lists resource templates.
pub const RESOURCES_TEMPLATES_LIST: &str = "resources/templates/list";
/// Reads a resource.
pub const RESOURCES_READ: &str = "resources/read";
/// Legacy: subscribes to updates of one resource.
pub const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
/// Legacy: ends the subscription to a resource.
pub const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";
/// A resource changed.
pub const RESOURCES_UPDATED: &str = "notifications/resources/updated";
/// The list of resources changed.
pub const RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";
/// Lists prompts.
pub const PROMPTS_LIST: &str = "prompts/list";
/// Renders a prompt.
pub const PROMPTS_GET: &str = "prompts/get";
/// The list of prompts changed.
pub const PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";
/// Argument completion.
pub const COMPLETION_COMPLETE: &str = "completion/complete";
/// Legacy: sets the server's log level.
pub const LOGGING_SET_LEVEL: &str = "logging/setLevel";
/// A log message.
pub const MESSAGE: &str = "notifications/message";
/// Progress of a request.
pub const PROGRESS: &str = "notifications/progress";
/// Cancellation of a request (legacy; modern on stdio only).
pub const CANCELLED: &str = "notifications/cancelled";
/// Legacy server-to-client request: sample from a model.
pub const SAMPLING_CREATE_MESSAGE: &str = "sampling/createMessage";
/// Legacy server-to-client request: ask the user.
pub const ELICITATION_CREATE: &str = "elicitation/create";
/// Legacy: an elicitation by URL is finished.
pub const ELICITATION_COMPLETE: &str = "notifications/elicitation/complete";
/// Legacy server-to-client request: list the client's folders.
pub const ROOTS_LIST: &str = "roots/list";
/// The client's folders changed.
pub const ROOTS_LIST_CHANGED: &str = "notifications/roots/list_changed";
/// Tasks: state of one task.
pub const TASKS_GET: &str = "tasks/get";
/// Tasks (modern): input for one task.
pub const TASKS_UPDATE: &str = "tasks/update";
/// Tasks: cancel one task.
pub const TASKS_CANCEL: &str = "tasks/cancel";
/// Tasks (legacy): all tasks.
pub const TASKS_LIST: &str = "tasks/list";
/// Tasks (legacy): result of one task.
pub const TASKS_RESULT: &str = "tasks/result";
/// Tasks: state changed.
pub const TASKS_STATUS: &str = "notifications/tasks/status";
