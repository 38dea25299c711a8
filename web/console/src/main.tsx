/** Starts the console: exchanges the one-time code for a session or continues one, then shows the pages. */
import { render } from "preact";
import { App } from "./app.tsx";
import { asProblem, isOpen, onExpired, open, resume } from "./session/client.ts";
import { current, takeCode } from "./session/route.ts";
import { SessionExpired } from "./session_expired.tsx";

const ENDED = "Briefcase was locked or restarted, or the session timed out.";

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
  const end = (reason: string) => render(<SessionExpired reason={reason} request={current().request} />, root);
  try {
    if (code !== undefined) await open(code);
    else {
      const found = await resume();
      if (found !== "open") return end(found === "ended" ? ENDED : "No other tab of this browser has a session.");
    }
  } catch (reason) {
    return end(asProblem(reason).message);
  }
  onExpired(() => end(ENDED));
  render(<App />, root);
}
