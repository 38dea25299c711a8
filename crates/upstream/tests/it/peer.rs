//! A real MCP server (rmcp, both eras): in this process over HTTP, or this very program again over stdio.

#![expect(deprecated, reason = "the older era has logging, sampling and subscriptions per resource")]

use std::{sync::Arc, time::Duration};

use axum::Router;
use briefcase_types::{EnvValue, Era};

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, InputRequest, InputRequiredResult,
        ListResourcesResult, ListToolsResult, LoggingLevel, LoggingMessageNotificationParam, PaginatedRequestParams,
        ProgressNotificationParam, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    },
    service::{RequestContext, SubscriptionContext},
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::harness::{Harness, key};

#[derive(Clone)]
pub struct Peer {
    changes: broadcast::Sender<()>,
}

impl Peer {
    fn new() -> Self {
        Self { changes: broadcast::channel(8).0 }
    }
}

fn tools() -> Vec<Tool> {
    let names = ["echo", "steps", "log", "ask", "rounds", "sleep", "change", "environment"];
    let schema = json!({"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},"text":{"type":"string"}}});
    names
        .iter()
        .map(|name| serde_json::from_value(json!({"name": name, "inputSchema": schema, "description": "d"})).unwrap())
        .collect()
}

fn said(text: impl Into<String>) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text.into())]).into()
}

impl ServerHandler for Peer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities).with_instructions("be kind")
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools().into_iter().find(|tool| tool.name == name)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = serde_json::from_value(json!({"uri": "x:1", "name": "one"})).unwrap();
        Ok(ListResourcesResult::with_all_items(vec![resource]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = request.arguments.as_ref().and_then(|all| all.get("text")).and_then(Value::as_str);
        match &*request.name {
            "steps" => {
                let token = context.meta.get_progress_token().expect("a token");
                for step in 1..=3 {
                    let param = ProgressNotificationParam::new(token.clone(), f64::from(step));
                    context.peer.notify_progress(param).await.unwrap();
                }
                Ok(said("done"))
            }
            "log" => {
                let param = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!("a line"));
                context.peer.notify_logging_message(param).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(said("done"))
            }
            "ask" => {
                let answer = context.peer.create_elicitation(serde_json::from_value(question()).unwrap()).await;
                let content = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?.content;
                Ok(said(content.unwrap_or_default().to_string()))
            }
            "rounds" => Ok(rounds(&request)),
            "sleep" => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                Ok(said("late"))
            }
            "change" => {
                let _nobody = self.changes.send(());
                if context.peer.peer_info().is_some() {
                    let _modern = context.peer.notify_tool_list_changed().await;
                }
                Ok(said("changed"))
            }
            "environment" => {
                let names: Vec<String> = std::env::vars_os().map(|(name, _)| name.into_string().unwrap()).collect();
                Ok(said(names.join(",")))
            }
            _ => Ok(said(text.unwrap_or("?"))),
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                _ = changes.recv() => {
                    let _gone = context.sink().notify_tool_list_changed().await;
                }
            }
        }
    }
}

fn question() -> Value {
    let schema = json!({"type":"object","properties":{"name":{"type":"string"}},"required":["name"]});
    json!({"mode": "form", "message": "Your name?", "requestedSchema": schema})
}

/// A modern request for input: two rounds, with a state that must come back.
fn rounds(request: &CallToolRequestParams) -> CallToolResponse {
    let name = request.input_responses.as_ref().and_then(|all| all.get("who")?.pointer("/content/name").cloned());
    match (name, request.request_state.as_deref()) {
        (Some(name), Some("second")) => said(format!("hello {name}")),
        (_, state) => {
            let elicit: InputRequest =
                serde_json::from_value(json!({"method": "elicitation/create", "params": question()})).unwrap();
            let next = if state.is_none() { "first" } else { "second" };
            InputRequiredResult::new(Some([("who".to_owned(), elicit)].into_iter().collect()), Some(next.into())).into()
        }
    }
}

/// Serves over HTTP. Returns the URL.
pub async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let peer = Peer::new();
    let config = StreamableHttpServerConfig::default();
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(peer.clone()), sessions, config);
    tokio::spawn(async move { axum::serve(listener, Router::new().nest_service("/mcp", service)).await });
    format!("http://{address}/mcp")
}

/// The command that starts this program as a server on stdio. The test runner prints to stdout first, as careless servers do.
fn argv() -> Vec<String> {
    let program = std::env::current_exe().unwrap().into_os_string().into_string().unwrap();
    [&program, "--exact", "peer::on_stdio", "--nocapture"].map(ToString::to_string).to_vec()
}

/// Registers this program as the server `s` on stdio, with a secret.
pub fn on(harness: &Harness) {
    let env = vec![
        (STARTED.to_owned(), EnvValue::Literal("1".into())),
        ("API_KEY".to_owned(), EnvValue::Secret("token".parse().unwrap())),
    ];
    harness.stdio_with("s", &argv().iter().map(String::as_str).collect::<Vec<_>>(), env);
}

/// The variable that makes this program the server.
const STARTED: &str = "PEER_ON_STDIO";

/// The server, when the variable is set; otherwise a test of it.
#[tokio::test]
async fn on_stdio() {
    if std::env::var_os(STARTED).is_some() {
        let running = Peer::new().serve(rmcp::transport::stdio()).await.unwrap();
        running.waiting().await.unwrap();
        return;
    }
    let harness = Harness::new();
    on(&harness);
    let said = harness.call(&key("s", Era::Legacy), "echo", json!({"text": "hello"})).await.unwrap();
    assert!(said.to_string().contains("hello"), "{said}");
}
