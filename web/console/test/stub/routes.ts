/** The routes of the admin API over the stub's data. */
import { createHash, randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { canonical } from "../../src/args/canonical.ts";
import type { ApprovalRequest, Receipt } from "../../src/generated/contract.ts";
import { checkpointOf, leafOf, pathOf, proofText, verifierKey } from "./log.ts";
import { json, problem, type Stub } from "./server.ts";
import type { World } from "./world.ts";

type Json = Record<string, unknown>;
interface Ceremony {
  digest: string;
  type: string;
}

/** A decision that the stub received. */
export interface Taken {
  question: ApprovalRequest;
  decision: Json;
}

const digest = (value: unknown): string => createHash("sha256").update(canonical(value)).digest("base64url");
const id = (): string => randomBytes(16).toString("base64url");

export class Routes {
  readonly taken: Taken[] = [];
  readonly applied: Json[] = [];
  offered: Json | undefined;
  #ceremonies = new Map<string, Ceremony>();
  #credentials: string[] = [];

  constructor(readonly stub: Stub) {}

  get #world(): World {
    return this.stub.world;
  }

  async answer(method: string, url: URL, body: unknown, response: ServerResponse): Promise<void> {
    const path = url.pathname.slice("/v1/".length);
    if (method === "GET") return this.#read(path, url.searchParams, response);
    const given = (body ?? {}) as Json;
    const deciding = /^approvals\/([\w-]{22})\/(decision-digest|decide)$/.exec(path);
    if (deciding) return this.#deciding(deciding[1] ?? "", deciding[2] ?? "", given, response);
    if (/^servers\/[\w-]+\/test$/.test(path)) return json(response, this.#probe(path.split("/")[1] ?? ""));
    switch (path) {
      case "challenge":
        return json(response, this.#challenge(String(given["digest"])));
      case "passkey/begin":
        return json(response, this.#begin());
      case "passkey/offer":
        return this.#offer(given, response);
      case "policy/check":
        return json(response, {
          ok: true,
          problems: [],
          policies: ["granted-reads-run", "other-calls-ask", "no-secrets-outside"],
          replay: [],
        });
      case "changes/preview":
        return json(response, { digest: digest(given), lines: previewLines(given), from_version: 12 });
      case "changes":
        return this.#change(given, response);
      default:
        return problem(response, 404, "not_found", `No route ${path}.`);
    }
  }

  #read(path: string, query: URLSearchParams, response: ServerResponse): void {
    const receipt = /^(receipts|why)\/r(\d+)$/.exec(path);
    if (receipt) return this.#receipt(receipt[1] ?? "", Number(receipt[2]), response);
    if (path === "log/key") return void response.writeHead(200, { "content-type": "text/plain" }).end(verifierKey);
    const world = this.#world;
    const lists: Record<string, unknown> = {
      approvals: world.questions,
      servers: world.servers,
      tools: world.tools,
      agents: world.agents,
      factors: world.factors,
      grants: world.grants,
      budgets: world.budgets,
      doctor: world.checks,
      policy: { text: world.policy, schema: "entity Agent;\nentity Tool;\n" },
      status: this.#status(),
      receipts: this.#page(query),
    };
    return path in lists ? json(response, lists[path]) : problem(response, 404, "not_found", `No route ${path}.`);
  }

  #status(): Json {
    const world = this.#world;
    const counts = {
      receipts: world.receipts.length,
      approvals: world.questions.length,
      sessions: 2,
      servers: world.servers.length,
    };
    return { version: "0.1.0", state: world.locked ? "locked" : "ready", started: 0, authority_version: 12, ...counts };
  }

  #page(query: URLSearchParams): Json {
    const all = this.#world.receipts.map((receipt, at) => ({ id: `r${at}`, receipt, at }));
    const before = Number(query.get("before") ?? Number.POSITIVE_INFINITY);
    const limit = Number(query.get("limit") ?? 50);
    const wanted = (receipt: Receipt): boolean =>
      [
        ["agent", "agent"],
        ["server", "server"],
        ["tool", "name"],
        ["kind", "k"],
        ["code", "code"],
      ].every(([parameter = "", member = ""]) => !query.has(parameter) || receipt[member] === query.get(parameter));
    const rows = all.reverse().filter(row => row.at < before && wanted(row.receipt));
    const page = rows.slice(0, limit);
    const next = rows.length > limit ? { next: page.at(-1)?.at } : {};
    return { receipts: page.map(({ id, receipt }) => ({ id, receipt })), size: all.length, ...next };
  }

  #receipt(what: string, index: number, response: ServerResponse): void {
    const receipts = this.#world.receipts;
    const receipt = receipts[index];
    if (!receipt)
      return problem(response, 404, "not_found", `There is no receipt r${index}.`, "See `briefcase receipts list`.");
    const rows = receipts.map((one, at) => ({ id: `r${at}`, receipt: one }));
    const related = rows.filter(
      (row, at) => at !== index && receipt["call"] !== undefined && row.receipt["call"] === receipt["call"],
    );
    if (what === "why") {
      const policies = [
        {
          id: "other-calls-ask",
          line: 7,
          text: '@id("other-calls-ask")\npermit (principal, action in Action::"call", resource)\nwhen { context.approved };',
        },
      ];
      return json(response, {
        id: `r${index}`,
        summary: "Policy `other-calls-ask` requires approval, and you allowed it once.",
        policies,
        approvals: [],
      });
    }
    const leaves = receipts.map(one => leafOf(Buffer.from(canonical(one))));
    const path = pathOf(index, leaves);
    const checkpoint = checkpointOf(leaves);
    const leaf = leaves[index]?.toString("base64url");
    const proof = {
      leaf,
      path: path.map(one => one.toString("base64url")),
      checkpoint,
      text: proofText(index, path, checkpoint),
    };
    const opening = receipt.k === "intent" ? { opening: { arguments: { repo: "acme/shop", state: "open" } } } : {};
    json(response, { id: `r${index}`, receipt, related, proof, ...opening });
  }

  #deciding(question: string, what: string, given: Json, response: ServerResponse): void {
    const open = this.#world.questions.find(one => one.id === question);
    if (!open) return problem(response, 404, "no_such_question", "This question is not open any more.");
    if (what === "decision-digest")
      return json(response, { digest: digest({ decision: given, question: open.digest }) });
    const decision = given["decision"] as Json;
    const bound = digest({ decision, question: open.digest });
    if (given["shown"] !== open.digest) return problem(response, 409, "conflict", "The question has changed.");
    const refused = this.#check(given["evidence"], bound);
    if (refused) return problem(response, 403, "factor_required", refused);
    this.taken.push({ question: open, decision });
    this.#world.questions = this.#world.questions.filter(one => one !== open);
    this.#world.receipts.push({
      at: Date.now(),
      k: "approval",
      step: decision["decision"] === "deny" ? "denied" : "approved",
      v: 1,
    });
    json(response, {
      decision: decision["decision"] === "deny" ? "denied" : "approved",
      receipt: `r${this.#world.receipts.length - 1}`,
    });
    this.stub.tell("approvals");
  }

  #change(given: Json, response: ServerResponse): void {
    const change = given["change"] as Json;
    if (given["digest"] !== digest(change))
      return problem(response, 409, "conflict", "The change is not the previewed one.");
    const refused = this.#check(given["evidence"], String(given["digest"]));
    if (refused) return problem(response, 403, "factor_required", refused);
    this.applied.push(change);
    if (change["change"] === "add_passkey") this.#enrol(String(change["label"]), change["credential"] as Json);
    const server = this.#world.servers.find(one => one.name === change["name"]);
    if (server && change["change"] === "enable_server") server.enabled = change["enabled"] === true;
    json(response, { version: 13, receipt: `r${this.#world.receipts.length}` });
    this.stub.tell("authority");
  }

  #probe(server: string): Json {
    const tools = this.#world.offered.filter(tool => tool.server === server);
    return {
      digest: digest(tools),
      protocol: "2025-11-25",
      calls_itself: "GitHub MCP Server",
      tools,
      resources: 4,
      prompts: 1,
      took_ms: 184,
    };
  }

  #open(ceremony: Ceremony): string {
    const challenge = randomBytes(32).toString("base64url");
    this.#ceremonies.set(challenge, ceremony);
    return challenge;
  }

  #challenge(bound: string): Json {
    const challenge = this.#open({ digest: bound, type: "webauthn.get" });
    const allowCredentials = this.#credentials.map(one => ({ type: "public-key", id: one }));
    return {
      publicKey: { challenge, timeout: 120_000, rpId: "localhost", allowCredentials, userVerification: "required" },
    };
  }

  #begin(): Json {
    const challenge = this.#open({ digest: "", type: "webauthn.create" });
    return {
      publicKey: {
        rp: { id: "localhost", name: "Briefcase" },
        user: { id: id(), name: "briefcase", displayName: "Briefcase" },
        challenge,
        pubKeyCredParams: [{ type: "public-key", alg: -7 }],
        timeout: 300_000,
        excludeCredentials: this.#credentials.map(one => ({ type: "public-key", id: one })),
        authenticatorSelection: { userVerification: "required" },
        attestation: "none",
      },
    };
  }

  #offer(given: Json, response: ServerResponse): void {
    const refused = this.#answered(given["credential"] as Json, "webauthn.create", "");
    if (refused) return problem(response, 400, "invalid", refused);
    this.offered = given;
    json(response, { code: "K7QM-4TXD" });
  }

  /** Accepts the offer, as the terminal does with the PIN. */
  acceptOffer(): void {
    if (!this.offered) throw new Error("nothing was offered");
    this.#enrol(String(this.offered["label"]), this.offered["credential"] as Json);
    this.stub.tell("authority");
  }

  #enrol(label: string, credential: Json): void {
    this.#credentials.push(String(credential["id"]));
    this.#world.factors.push({ id: id(), kind: "passkey", label, created: Date.now() });
  }

  #check(evidence: unknown, bound: string): string | undefined {
    const passkey = (evidence as { passkey?: Json } | undefined)?.passkey;
    if (!passkey) return "No passkey.";
    if (!this.#credentials.includes(String(passkey["id"]))) return "This passkey is not enrolled here.";
    return this.#answered(passkey, "webauthn.get", bound);
  }

  /** Returns the reason why a credential does not match an open challenge. */
  #answered(credential: Json, type: string, bound: string): string | undefined {
    const given = credential["response"] as Json;
    const client = JSON.parse(Buffer.from(String(given["clientDataJSON"]), "base64url").toString()) as Json;
    const open = this.#ceremonies.get(String(client["challenge"]));
    this.#ceremonies.delete(String(client["challenge"]));
    if (!open || open.type !== type || client["type"] !== type) return "The challenge is not open.";
    if (client["origin"] !== this.stub.origin || client["crossOrigin"] === true) return "Made on another page.";
    if (open.digest !== bound) return "Made for another decision.";
    if (type === "webauthn.create") return undefined;
    const flags = Buffer.from(String(given["authenticatorData"]), "base64url")[32] ?? 0;
    return (flags & 4) === 0 ? "The user was not verified." : undefined;
  }
}

function previewLines(change: Json): string[] {
  const name = String(change["name"] ?? change["server"] ?? change["label"] ?? change["id"]);
  return [`${String(change["change"]).replaceAll("_", " ")}: ${name}`, "The document goes from version 12 to 13."];
}
