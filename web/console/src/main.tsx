/** Starts the console: exchanges the one-time code for a session, then shows the pages. */
import { render } from "preact";
import { App } from "./app.tsx";
import { asProblem, isOpen, onExpired, open } from "./session/client.ts";
import { takeCode } from "./session/route.ts";
import { SessionExpired } from "./session_expired.tsx";

const root = document.getElementById("app");
if (root) {
  void start(root, takeCode());
  // A new one-time address may be opened in a loaded page; then the page is not reloaded.
  addEventListener("hashchange", () => {
    const code = takeCode();
    if (code !== undefined && !isOpen()) void start(root, code);
  });
}

async function start(root: HTMLElement, code: string | undefined): Promise<void> {
  const end = (reason: string) => render(<SessionExpired reason={reason} />, root);
  if (code === undefined) return end("A console session ends when the page is closed or reloaded.");
  try {
    await open(code);
  } catch (reason) {
    return end(asProblem(reason).message);
  }
  onExpired(() => end("Briefcase was locked or restarted, or the session timed out."));
  render(<App />, root);
}
