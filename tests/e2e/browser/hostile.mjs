// A foreign page in the same browser as the console. It knows the request, its digest and the PIN, and tries
// to frame, post, fetch and script the console. `node hostile.mjs ONE-TIME-ADDRESS '{"id":…,"body":…}'`
import { createServer } from "node:http";
import { inBrowser, readLine, sendLine } from "./person.mjs";

const target = new URL(process.argv[2]).origin;
const { id, body } = JSON.parse(process.argv[3]);
const decide = `${target}/v1/approvals/${encodeURIComponent(id)}/decide`;

// Its own server: the page, a harmless page to frame, and an endpoint to post to, as controls for the failed tricks.
const posted = [];
const server = createServer((request, response) => {
  if (request.method === "POST") posted.push(request.url);
  response.setHeader("content-type", "text/html");
  response.end(request.url === "/harmless" ? "harmless" : "<!doctype html><title>prize</title><h1>You have won</h1>");
});
await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();

/** Runs in the hostile page. Gives the names of the tricks that could read something. */
async function tricks({ target, decide, body, own }) {
  const read = [];
  const soon = (what, ms = 4000) => Promise.race([what, new Promise(resolve => setTimeout(resolve, ms))]);
  const add = (tag, set) => {
    const element = Object.assign(document.createElement(tag), set);
    const settled = new Promise(resolve => {
      element.onload = resolve;
      element.onerror = resolve;
    });
    document.body.append(element);
    return soon(settled);
  };
  const form = (action, enctype, target) => {
    const element = Object.assign(document.createElement("form"), { method: "post", action, enctype, target });
    const half = Math.ceil(body.length / 2);
    element.append(Object.assign(document.createElement("input"), { name: body.slice(0, half), value: body.slice(half) }));
    document.body.append(element);
    element.submit();
  };
  await add("iframe", { src: `${own}/harmless` });
  for (const path of ["/", "/approvals"]) {
    await add("iframe", { src: target + path });
    await add("iframe", { src: target + path, sandbox: "allow-scripts allow-forms" });
    await add("object", { data: target + path });
    await add("embed", { src: target + path });
  }
  for (const path of ["/v1/approvals", "/v1/status", "/app.js"]) {
    await add("img", { src: target + path });
    await add("script", { src: target + path });
  }
  for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    const name = `f${enctype.length}`;
    for (const frame of [name, `own-${name}`]) {
      document.body.append(Object.assign(document.createElement("iframe"), { name: frame }));
    }
    form(decide, enctype, name);
    form(`${own}/control`, enctype, `own-${name}`);
  }
  for (const mode of ["cors", "no-cors"]) {
    for (const type of [undefined, "text/plain", "application/json", "application/x-www-form-urlencoded"]) {
      for (const credentials of ["omit", "include"]) {
        const headers = type === undefined ? {} : { "content-type": type };
        const answer = await soon(fetch(decide, { method: "POST", mode, credentials, headers, body }).catch(() => undefined));
        if (answer?.ok) read.push(`POST ${mode} ${type}`);
        const seen = await soon(fetch(`${target}/v1/approvals`, { mode, credentials }).catch(() => undefined));
        if (seen?.ok || (await seen?.text())) read.push(`GET ${mode} ${type}`);
      }
    }
  }
  navigator.sendBeacon(decide, body);
  navigator.sendBeacon(decide, new Blob([body], { type: "application/json" }));
  const socket = new WebSocket(`${target.replace("http", "ws")}/v1/events`);
  const events = new EventSource(`${target}/v1/events`, { withCredentials: true });
  socket.onopen = () => read.push("WebSocket");
  events.onopen = () => read.push("EventSource");
  const opened = window.open(`${target}/approvals`, "under");
  await new Promise(resolve => setTimeout(resolve, 1500));
  for (const message of [body, JSON.parse(body), { type: "decide", ...JSON.parse(body) }]) opened?.postMessage(message, "*");
  try {
    if (opened?.document?.body?.innerText) read.push("the opened window");
  } catch {
    // Another origin: as it should be.
  }
  form(decide, "text/plain", "under");
  await new Promise(resolve => setTimeout(resolve, 1000));
  return read;
}

await inBrowser(async context => {
  const console = await context.newPage();
  await console.goto(process.argv[2]);
  await console.locator("article[data-question]").first().waitFor();
  const read = [];
  const framed = [];
  let control = 0;
  for (const own of [`http://localhost:${port}`, `http://127.0.0.1:${port}`]) {
    const page = await context.newPage();
    await page.goto(own);
    read.push(...(await page.evaluate(tricks, { target, decide, body, own })));
    for (const frame of page.frames().slice(1)) {
      const text = await frame.evaluate(() => document.body?.innerText ?? "").catch(() => "");
      if (frame.url() === `${own}/harmless`) control += text === "harmless" ? 1 : 0;
      else if (frame.url().startsWith(target) && text !== "") framed.push(`${frame.url()}: ${text.slice(0, 200)}`);
    }
  }
  const stands = await console.locator("article[data-question]").count();
  sendLine("tried", { read, framed, control, posted: posted.length, stands });
  await readLine();
});
server.close();
