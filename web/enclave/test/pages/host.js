// A minimal host page, with a few functions of a hostile one. Values pass as JSON, so that every driver can carry them;
// { $: "base64" } encodes an ArrayBuffer.
const base64 = buffer => btoa(Array.from(new Uint8Array(buffer), byte => String.fromCharCode(byte)).join(""));
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
const mapped = (value, change) =>
  Array.isArray(value)
    ? value.map(change)
    : Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, change(inner)]));

function outward(value) {
  if (value instanceof ArrayBuffer) return { $: base64(value) };
  if (typeof value !== "object" || value === null) return value;
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return plain ? mapped(value, outward) : { $odd: Object.prototype.toString.call(value) };
}

function inward(value) {
  if (typeof value !== "object" || value === null) return value;
  return typeof value.$ === "string" ? bytes(value.$) : mapped(value, inward);
}

const host = { events: [], strays: [], odd: [], frame: undefined, port: undefined };
const waiting = new Map();
let next = 0;
let address = "";

function heard({ data }) {
  if ("event" in data) {
    host.events.push(data.event);
    if (data.event === "show")
      Object.assign(host.frame.style, { width: `${data.width}px`, height: `${data.height}px` });
    return;
  }
  const answered = waiting.get(data.id);
  waiting.delete(data.id);
  if (answered === undefined) host.strays.push(outward(data));
  else answered(data);
}

host.boot = ({ url, open = { briefcase: "open", storage: "disk" }, csp, sandbox, timeout = 60_000 }) => {
  address = url;
  const { origin } = new URL(url);
  document.querySelector("#frames").replaceChildren();
  const frame = document.createElement("iframe");
  host.frame = frame;
  host.port = undefined;
  frame.setAttribute("sandbox", sandbox ?? "allow-scripts allow-same-origin");
  frame.allow = `publickey-credentials-create ${origin}; publickey-credentials-get ${origin}`;
  if (csp !== undefined) frame.setAttribute("csp", csp);
  Object.assign(frame.style, { border: "0", width: "480px", height: "560px" });
  frame.src = url;
  return new Promise(resolve => {
    addEventListener("message", event => {
      if (event.source !== frame.contentWindow || event.origin !== origin) return;
      if (event.data?.briefcase === "ended") host.events.push("ended");
      if (event.data?.briefcase !== "ready" || host.port !== undefined) return;
      const { port1, port2 } = new MessageChannel();
      host.port = port1;
      port1.onmessage = heard;
      port1.onmessageerror = () => host.odd.push("messageerror");
      frame.contentWindow.postMessage(open, origin, [port2]);
      resolve({ ready: true, schema: event.data.schema });
    });
    setTimeout(() => resolve({ ready: false }), timeout);
    document.querySelector("#frames").append(frame);
  });
};

const shown = data => ("ok" in data ? { ok: outward(data.ok) } : { error: data.error });

host.send = (method, params, form = shown) => {
  next += 1;
  const id = next;
  const answer = new Promise(resolve => waiting.set(id, data => resolve(form(data))));
  host.port.postMessage({ id, method, params });
  return answer;
};

host.call = (method, params = {}) => host.send(method, inward(params));

/** Starts a call and stores its response for later; a person must act in between. */
host.begin = (method, params = {}) => {
  host.begun = host.call(method, params);
  host.settled = false;
  host.begun.then(() => {
    host.settled = true;
  });
};

/** A call that must succeed, without text conversion, for measurements. */
host.sure = async (method, params) => {
  const answer = await host.send(method, params, answered => answered);
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.code}`);
  return answer.ok;
};

host.inward = inward;
host.outward = outward;
document.querySelector("#window").addEventListener("click", () => {
  window.open(address, "briefcase-enclave", "popup,width=520,height=640");
});
window.host = host;
// Requests of a hostile page that embeds this one.
addEventListener("message", event => {
  const { boot } = Object(event.data);
  if (boot === undefined || host.frame !== undefined) return;
  host.boot(boot).then(({ ready }) => event.source.postMessage({ booted: ready }, "*"));
});
