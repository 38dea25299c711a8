// A confirmation in a popup: its text counts as read only while the popup has the focus.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FocusDelay } from "../../src/frame/confirmation/focus_delay.ts";

test("a popup raised from behind another window restarts the focus time", () => {
  let [clock, focus] = [0, true];
  const page = Object.assign(new EventTarget(), { visibilityState: "visible", hasFocus: () => focus });
  Object.assign(globalThis, { window: new EventTarget(), document: page });
  const attention = new FocusDelay(() => clock);
  assert.equal(attention.duration, 0);
  clock = 900;
  assert.equal(attention.duration, 900);
  focus = false;
  clock = 5000;
  assert.equal(attention.duration, 0, "it has no focus");
  focus = true;
  assert.equal(attention.duration, 0, "brought forward right now");
  clock = 5300;
  assert.equal(attention.duration, 300);
  window.dispatchEvent(new Event("blur"));
  assert.equal(attention.duration, 0, "gone and back between two looks");
  clock = 6000;
  page.visibilityState = "hidden";
  assert.equal(attention.duration, 0, "behind another tab");
});
