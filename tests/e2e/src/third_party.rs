//! Third-party servers: their tools directly and through the daemon and the gateway, compared.

use std::collections::{BTreeMap, BTreeSet};

use briefcase_testkit::{ClientEra, McpClient, TempHome};
use serde_json::{Value, json};

use crate::Scene;

/// One server to run: a JSON object with `package`, `version`, `argv` and `env`.
pub type Server = Value;

/// Runs each server and compares. Returns one JSON object per server: `package`, `version`, `direct`, `listed`, `notes`.
pub async fn compare(servers: Vec<Server>) -> Vec<Value> {
    let mut results = Vec::new();
    for server in servers {
        let package = server["package"].clone();
        let version = server["version"].clone();
        // A server that does not start, or a daemon that does not answer, fails its own task only.
        let compared = tokio::spawn(one(server)).await;
        let outcome = compared.unwrap_or_else(|error| json!({ "failed": panicked(error) }));
        let mut result = json!({ "package": package, "version": version });
        if let (Some(result), Value::Object(outcome)) = (result.as_object_mut(), outcome) {
            result.extend(outcome);
        }
        results.push(result);
    }
    results
}

fn panicked(error: tokio::task::JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else { return "cancelled".to_owned() };
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

async fn one(server: Server) -> Value {
    let home = TempHome::new();
    for (name, text) in server["files"].as_object().into_iter().flatten() {
        if let Err(error) = std::fs::write(home.path().join(name), text.as_str().unwrap_or_default()) {
            return json!({ "failed": format!("{name}: {error}") });
        }
    }
    let direct = directly(&server, &home).await;
    let through = through(&server, &home).await;
    match (direct, through) {
        (Err(direct), Err(_)) => json!({ "unavailable": direct }),
        (Err(direct), Ok(_)) => json!({ "failed": format!("only through the briefcase: {direct}") }),
        (Ok(_), Err(reason)) => json!({ "failed": reason }),
        (Ok(direct), Ok((probe, listed))) => compared(&direct, &probe, &listed),
    }
}

fn argv(server: &Server) -> Vec<String> {
    server["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

fn env(server: &Server, home: &TempHome) -> BTreeMap<String, String> {
    let given = server["env"].as_object().into_iter().flatten();
    let given = given.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    given.chain([("HOME".to_owned(), home.path().display().to_string())]).collect()
}

async fn directly(server: &Server, home: &TempHome) -> Result<Vec<Value>, String> {
    let argv = argv(server);
    let (program, arguments) = argv.split_first().ok_or("no command")?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env_clear().envs(env(server, home)).current_dir(home.path());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let client = McpClient::stdio(command, ClientEra::Legacy);
    let listing = tokio::spawn(async move {
        client.open().await.map_err(|error| format!("{error:?}"))?;
        let tools = client.tools().await;
        client.close().await;
        Ok(tools)
    });
    listing.await.unwrap_or_else(|error| Err(panicked(error)))
}

async fn through(server: &Server, home: &TempHome) -> Result<(Value, Vec<Value>), String> {
    let scene = Scene::new().await;
    let spec = json!({
        "transport": "stdio", "argv": argv(server), "env": env(server, home), "cwd": home.path().display().to_string()
    });
    let (status, probe) = scene.daemon.admin.send(http::Method::POST, "/v1/servers/probe", Some(&spec)).await;
    if status != 200 {
        return Err(format!("{}", probe["message"]));
    }
    let change = json!({
        "change": "add_server", "name": "third", "spec": spec, "probe": probe["digest"], "reads": []
    });
    scene.change(change).await;
    let listed = tools(&scene).await;
    let offered = probe["tools"].as_array().into_iter().flatten().filter(|view| view["state"] == "new").count();
    if listed.len() == offered {
        return Ok((probe, listed));
    }
    // Some servers change their text at each start, which a person may accept.
    let probe: Value = scene.daemon.admin.post("/v1/servers/third/test", &json!({})).await;
    let accept = json!({
        "change": "accept_tools", "server": "third", "probe": probe["digest"], "tools": [], "changing": true
    });
    scene.change(accept).await;
    Ok((probe, tools(&scene).await))
}

async fn tools(scene: &Scene) -> Vec<Value> {
    let client = scene.client_of("third", ClientEra::Legacy).await;
    let listed = client.tools().await;
    client.close().await;
    listed
}

fn compared(direct: &[Value], probe: &Value, listed: &[Value]) -> Value {
    let views: Vec<&Value> = probe["tools"].as_array().into_iter().flatten().collect();
    let mut notes = Vec::new();
    let mut identical = 0_usize;
    let mut seen = BTreeSet::new();
    for tool in direct {
        let own = tool["name"].as_str().unwrap_or_default();
        let is_it = |view: &&&Value| view["own_name"].as_str().or(view["name"].as_str()) == Some(own);
        let view = views.iter().find(is_it);
        let shown = view.and_then(|view| view["shown_name"].as_str().or(view["name"].as_str())).unwrap_or(own);
        let Some(ours) = listed.iter().find(|tool| tool["name"] == shown) else {
            let reason = view.map_or("not listed", |view| view["summary"].as_str().unwrap_or_default());
            notes.push(format!("`{own}` is missing: {reason}"));
            continue;
        };
        seen.insert(shown.to_owned());
        let fields = ["differences", "between_looks"].map(|name| view.and_then(|view| view[name].as_array()));
        let places: BTreeSet<&str> =
            fields.into_iter().flatten().flatten().filter_map(|field| field["path"].as_str()).collect();
        if !places.is_empty() {
            let places: Vec<&str> = places.into_iter().collect();
            notes.push(format!(
                "`{own}` changes at each start in `{}`, listed once that is accepted",
                places.join("`, `")
            ));
        } else if ours == tool {
            identical = identical.saturating_add(1);
        } else {
            notes.push(different(own, shown, tool, ours));
        }
        for problem in view.into_iter().flat_map(|view| view["unchecked"].as_array().into_iter().flatten()) {
            let (path, reason) =
                (problem["path"].as_str().unwrap_or_default(), problem["reason"].as_str().unwrap_or_default());
            notes.push(format!("`{own}`, `{path}` is not checked: {reason}"));
        }
    }
    let more = listed.iter().filter_map(|tool| tool["name"].as_str()).filter(|name| !seen.contains(*name));
    notes.extend(more.map(|name| format!("`{name}` is listed only through the briefcase")));
    json!({ "direct": direct.len(), "listed": listed.len(), "identical": identical, "notes": notes })
}

/// The members in which a definition differs from the server's own.
fn different(own: &str, shown: &str, tool: &Value, ours: &Value) -> String {
    let names =
        |value: &Value| value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let all: BTreeSet<String> = names(tool).into_iter().chain(names(ours)).collect();
    let members: Vec<String> = all.into_iter().filter(|name| tool.get(name) != ours.get(name)).collect();
    let alias = if own == shown { String::new() } else { format!(" (agents see `{shown}`)") };
    format!("`{own}`{alias} differs in {}", members.join(", "))
}
