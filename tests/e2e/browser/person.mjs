// Shared by the browser tests: Chromium, and the line protocol with the Rust test.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(new URL("../../../web/package.json", import.meta.url))("playwright-core");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const sendLine = (word, value) => process.stdout.write(`${JSON.stringify({ word, value })}\n`);
export const readLine = async () => (await lines.next()).value;

export async function inBrowser(play) {
  const executablePath = process.env.BRIEFCASE_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext();
    context.setDefaultTimeout(90_000);
    await play(context);
  } catch (error) {
    sendLine("failed", String(error).slice(0, 2000));
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
