import assert from "node:assert/strict";
import { test } from "node:test";
import { blockedReason, denyBlockedReason } from "../../src/approvals/blocked.ts";
import { canHaveRule, ruleSentence } from "../../src/approvals/rule.ts";
import { sentence } from "../../src/approvals/sentence.ts";
import { words } from "../../src/policy/cedar.ts";
import { span } from "../../src/ui/clock.ts";
import { changeText } from "../../src/words.ts";
import { question, world } from "../stub/world.ts";

const read = { done: true, missing: "" };
const free = { reading: read, visible: true, clickable: true, expired: false, passkeys: true, busy: false };

test("any single obstacle blocks a request, with a reason", () => {
  assert.equal(blockedReason(free), undefined);
  const unread = { reading: { done: false, missing: "Read everything first." } };
  for (const one of [
    unread,
    { visible: false },
    { clickable: false },
    { expired: true },
    { passkeys: false },
    { busy: true },
  ]) {
    const reason = blockedReason({ ...free, ...one });
    assert.ok(reason && reason.full !== "" && reason.short !== "" && reason.short.length <= 18, JSON.stringify(one));
  }
});

test("denying needs no reading and no delay", () => {
  assert.equal(denyBlockedReason({ expired: false, passkeys: true, busy: false }), undefined);
});

test("a rule's sentence names the fixed and the free arguments", () => {
  const asked = question({ args: { body: "x", repo: "acme/shop", title: "y" } });
  const names = ["body", "repo", "title"];
  assert.equal(
    ruleSentence(asked, names, ["repo"], "7 days"),
    "For 7 days, claude-code may use create_issue on github without approval, as long as repo stays the same; body and title may be " +
      "anything or absent, and there are no other arguments. The rule ends sooner if the server changes the tool.",
  );
  assert.match(ruleSentence(asked, names, names, "1 hour"), /with exactly these arguments/);
  assert.match(ruleSentence(asked, names, [], "1 hour"), /body, repo and title may be anything/);
});

test("rules exist only for tools, and not where each call needs approval", () => {
  assert.equal(canHaveRule(question()), true);
  assert.equal(canHaveRule(question({ once_only: true })), false);
  assert.equal(canHaveRule(question({ operation: "read_resource" })), false);
});

test("the sentence names both parties, in both directions", () => {
  assert.equal(sentence(question()), "claude-code wants to use the tool create_issue of github");
  const sampling = question({ operation: "sampling/createMessage", name: "" });
  assert.equal(sentence(sampling), "github requests a completion from the model of claude-code");
  assert.equal(sentence(question({ operation: "new/thing", name: "x" })), "claude-code wants new/thing x of github");
});

test("highlighting preserves a policy's text", () => {
  const { policy } = world();
  for (const text of [policy, '// "a\n"//b" @id("x") permit', "", '"open']) {
    assert.equal(
      words(text)
        .map(word => word.text)
        .join(""),
      text,
    );
  }
});

test("spans of time are short and round up", () => {
  assert.deepEqual([0, 999, 61_000, 3_700_000, 90_000_000].map(span), [
    "0 s",
    "1 s",
    "1 min 01 s",
    "1 h 1 min",
    "1 d 1 h",
  ]);
});

test("lines of a change are shown in plain words, and unknown lines unchanged", () => {
  const lines = ["secret_set github-token v2", "server_added files stdio", "policy_set abc", "factor_removed 1", "x y"];
  assert.deepEqual(lines.map(changeText), [
    "Set secret github-token v2",
    "Add server files stdio",
    "Update policy abc",
    "Remove authentication method 1",
    "x y",
  ]);
  assert.equal(changeText("server_added-files-stdio"), "Add server files-stdio");
  assert.equal(changeText("tool_class files/read_file read"), "Change tool class files/read_file read");
});
