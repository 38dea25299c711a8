// What the browser tests share: Chromium, and lines to and from the test that plays everybody else.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(new URL("../../../web/package.json", import.meta.url))("playwright-core");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const tell = (word, value) => process.stdout.write(`${JSON.stringify({ word, value })}\n`);
export const hear = async () => (await lines.next()).value;

export async function inBrowser(play) {
  const executablePath = process.env.BRIEFCASE_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext();
    context.setDefaultTimeout(90_000);
    await play(context);
  } catch (error) {
    tell("failed", String(error).slice(0, 2000));
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
