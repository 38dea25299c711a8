/** The session: the places of the token, and the limits of this and other pages. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { Stub } from "../stub/server.ts";
import { question } from "../stub/world.ts";
import { arrive, authenticator, context, goto, open, quit, visit } from "./harness.ts";

after(quit);
const PAGES = ["/approvals", "/servers", "/receipts", "/budgets", "/policy", "/security"];

test("the token is in this tab's storage only, in no cookie, address or element, and is sent only as a header", async () => {
  const opened = await open({ prepare: stub => stub.world.questions.push(question()) });
  const { page, stub } = opened;
  const urls: string[] = [];
  page.on("request", request => urls.push(`${request.url()} ${request.postData() ?? ""}`));
  for (const path of PAGES) await arrive(page, path);
  const [token] = stub.tokens;
  assert.ok(token);
  const places = await page.evaluate(async () => {
    const databases = (await indexedDB.databases()).length + (await caches.keys()).length;
    const storages = [JSON.stringify(localStorage)];
    return {
      databases,
      tab: { ...sessionStorage },
      text: [
        ...storages,
        document.cookie,
        location.href,
        JSON.stringify(history.state),
        document.documentElement.outerHTML,
        self.name,
      ],
    };
  });
  assert.equal(places.databases, 0);
  assert.deepEqual(places.tab, { "briefcase-session": token });
  assert.deepEqual(places.text.slice(0, 2), ["{}", ""]);
  for (const text of [...places.text, ...urls]) assert.equal(text.includes(token), false, text.slice(0, 100));
  const leaked = await page.evaluate(value => Object.values(self).some((one: unknown) => one === value), token);
  assert.equal(leaked, false);
  await opened.close();
});

test("the one-time code is removed from address and history at once", async () => {
  const stub = new Stub();
  await stub.start();
  const own = await context();
  const page = await own.newPage();
  const login = stub.login("/security?enrol");
  await goto(page, login);
  await page.locator(".asked").waitFor();
  assert.equal(page.url(), `${stub.origin}/security?enrol`);
  await visit(page, "/servers");
  await page.goBack();
  assert.equal(page.url(), `${stub.origin}/security?enrol`);
  const again = await own.newPage();
  await again.goto(login);
  await again.getByText("was used already or is older than a minute").waitFor();
  assert.equal(again.url().includes("code"), false);
  // A new address opened in the same page causes no reload; its code is used all the same.
  await again.goto(stub.login("/security?enrol"));
  await again.locator(".asked").waitFor();
  assert.equal(again.url(), `${stub.origin}/security?enrol`);
  await own.close();
  await stub.stop();
});

test("a reload keeps the session and the page", async () => {
  const opened = await open({ path: "/receipts" });
  await opened.page.reload();
  await opened.page.locator("table.receipts tbody tr").first().waitFor();
  assert.equal(new URL(opened.page.url()).pathname, "/receipts");
  assert.equal(opened.stub.tokens.length, 1);
  await opened.close();
});

test("a link to a request opens its card in another tab, with the session of this tab", async () => {
  const [first, linked] = [question({ asked: 1 }), question({ asked: 2, args: { script: "x\n".repeat(90) } })];
  const opened = await open({ prepare: stub => stub.world.questions.push(first, linked) });
  const { page, stub } = opened;
  await page.locator("article").first().waitFor();
  const tab = await page.context().newPage();
  await tab.goto(`${stub.origin}/approvals/${linked.id}`);
  await tab.locator(`article[data-question="${linked.id}"]:focus`).waitFor();
  assert.equal(stub.tokens.length, 1);
  // The link decides nothing.
  assert.deepEqual(stub.routes.taken, []);
  await tab.reload();
  await tab.locator(`article[data-question="${linked.id}"]:focus`).waitFor();
  await tab.goto(`${stub.origin}/approvals/AAAAAAAAAAAAAAAAAAAAAA`);
  await tab.getByText("was decided, withdrawn, or has expired").waitFor();
  await opened.close();
});

test("a link without a session shows how to decide at a terminal, and no data", async () => {
  const one = question();
  const stub = new Stub();
  await stub.start();
  stub.world.questions.push(one);
  const own = await context();
  const page = await own.newPage();
  await page.goto(`${stub.origin}/approvals/${one.id}`);
  await page.getByText(`briefcase approve ${one.id}`, { exact: true }).waitFor();
  await page.getByText("briefcase console", { exact: true }).waitFor();
  assert.deepEqual(stub.asked, [], "nothing was requested without a session");
  await page.goto(`${stub.origin}/approvals/%3Cscript%3E`);
  await page.getByText("briefcase console", { exact: true }).waitFor();
  assert.equal(await page.getByText("briefcase approve").count(), 0, "a malformed id is not shown");
  await own.close();
  await stub.stop();
});

test("after the daemon ended the session, nothing of it is kept and a reload does not bring it back", async () => {
  const opened = await open({ path: "/receipts" });
  const { page, stub } = opened;
  stub.endSessions();
  await page.reload();
  await page.getByRole("heading", { name: "No session" }).waitFor();
  await page.getByText("locked or restarted").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await opened.close();
});

test("a session ended by the daemon shows no data", async () => {
  const opened = await open({ path: "/receipts" });
  opened.stub.endSessions();
  // A pending request of the page may end the session before the click does.
  const over = opened.page.getByRole("heading", { name: "No session" });
  await opened.page.locator('nav a[href="/budgets"]').or(over).click();
  await over.waitFor();
  assert.equal(await opened.page.locator("nav").count(), 0);
  await opened.close();
});

test("back and forward move between pages inside the session", async () => {
  const opened = await open();
  const { page } = opened;
  await visit(page, "/servers");
  await visit(page, "/policy");
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Servers" }).waitFor();
  await page.goForward();
  await page.getByRole("heading", { level: 1, name: "Policy" }).waitFor();
  await opened.close();
});

test("another page cannot frame the console (attack 25)", async () => {
  const stub = new Stub();
  await stub.start();
  const login = stub.login();
  const evil = createServer((_, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end(`<iframe id="f" src="${login}"></iframe>`),
  );
  await new Promise<void>(resolve => evil.listen(0, "127.0.0.1", resolve));
  const own = await context();
  const page = await own.newPage();
  // The outer page's load event waits for the frame and its scripts.
  await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`, { waitUntil: "load" });
  assert.deepEqual(stub.served, ["/"], "the frame requested the page and got no script");
  assert.deepEqual(stub.asked, []);
  await own.close();
  evil.close();
  await stub.stop();
});

test("the page is served with the policy that the other tests rely on", async () => {
  const opened = await open();
  const policy = await opened.page.evaluate(async () => (await fetch("/")).headers.get("content-security-policy"));
  assert.match(policy ?? "", /frame-ancestors 'none'/);
  assert.match(policy ?? "", /trusted-types 'none'/);
  await opened.close();
});

test("the policy blocks injected script, style and markup", async () => {
  const own = await context();
  const stub = new Stub();
  await stub.start();
  const page = await own.newPage();
  await authenticator(page);
  await goto(page, stub.login());
  await page.getByRole("heading", { level: 1, name: "Approvals" }).waitFor();
  // In a timer: code evaluated by the debugger may do more than the page.
  const stopped = await page.evaluate(
    () =>
      new Promise<boolean[]>(done =>
        setTimeout(() => {
          const html: string = "<p>x";
          const tried = [
            () => Reflect.set(document.body, "innerHTML", html),
            () => document.body.insertAdjacentHTML("beforeend", html),
            () => new Function("return 1")(),
            () => setTimeout("window.ran = 1"),
          ];
          const threw = tried.map(one => {
            try {
              one();
              return false;
            } catch {
              return true;
            }
          });
          const script = document.createElement("script");
          script.append("window.ran = 1");
          document.body.append(script);
          document.body.setAttribute("style", "display: none");
          setTimeout(
            () => done([...threw, !("ran" in window), getComputedStyle(document.body).display !== "none"]),
            50,
          );
        }),
      ),
  );
  assert.deepEqual(stopped, [true, true, true, true, true, true]);
  await own.close();
  await stub.stop();
});

test("every page works under the policy, without requests to other origins", async () => {
  const opened = await open({ prepare: stub => stub.world.questions.push(question()) });
  for (const path of PAGES) {
    await arrive(opened.page, path);
    assert.equal(await opened.page.locator(".problem").count(), 0, path);
  }
  // `close` fails on any request to another origin, any violated policy and any error.
  await opened.close();
});
