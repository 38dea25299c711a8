// A pointer that has just reached a button was aimed at something else: the host moved its frame under the click.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { GESTURE } from "../../../protocol/src/index.ts";
import { PointerDwell } from "../../src/frame/confirmation/pointer_dwell.ts";

const pointer = (type: string, pointerType: string) => Object.assign(new Event(type), { pointerType });
const click = (detail: number) => Object.assign(new Event("click"), { detail }) as unknown as MouseEvent;

test("a mouse click counts after the dwell time, a keyboard click at once, a touch the second time", () => {
  let clock = 1000;
  mock.method(performance, "now", () => clock);
  const button = new EventTarget();
  const dwell = new PointerDwell(button as HTMLElement);
  const later = (time: number) => {
    clock += time;
  };
  assert.equal(dwell.allows(click(0)), true, "a keyboard");
  assert.equal(dwell.allows(click(1)), false, "it never came");
  button.dispatchEvent(pointer("pointerover", "mouse"));
  later(GESTURE.dwell - 1);
  assert.equal(dwell.allows(click(1)), false, "it has just come");
  later(1);
  assert.equal(dwell.allows(click(1)), true);
  button.dispatchEvent(pointer("pointerout", "mouse"));
  button.dispatchEvent(pointer("pointerover", "mouse"));
  assert.equal(dwell.allows(click(2)), false, "the second click of two, after the frame moved");
  button.dispatchEvent(pointer("pointerout", "mouse"));
  button.dispatchEvent(pointer("pointerover", "touch"));
  assert.equal(dwell.allows(click(1)), false, "a finger's first touch");
  button.dispatchEvent(pointer("pointerout", "touch"));
  later(GESTURE.dwell);
  button.dispatchEvent(pointer("pointerover", "touch"));
  assert.equal(dwell.allows(click(1)), true, "its second");
  mock.restoreAll();
});
