// A person at the real console with recorded passkey assertions: one never reaches the daemon, one does.
// `node assertion.mjs ONE-TIME-ADDRESS`
import { inBrowser, readLine, sendLine } from "./person.mjs";

const authenticator = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};

await inBrowser(async context => {
  const page = await context.newPage();
  const devices = await context.newCDPSession(page);
  await devices.send("WebAuthn.enable");
  await devices.send("WebAuthn.addVirtualAuthenticator", { options: authenticator });
  await page.goto(process.argv[2]);
  await page.locator('nav a[href="/security"]').click();
  await page.getByRole("button", { name: "Create a passkey" }).click();
  await page.getByText("Now enter your PIN in the terminal").waitFor();
  sendLine("offered");
  await page.getByText("Passkey added.").waitFor();
  sendLine("enrolled");

  const allow = async question => {
    await page.locator('nav a[href="/servers"]').click();
    await page.locator('nav a[href="/approvals"]').click();
    const card = page.locator(`article[data-question="${question}"]`);
    await card.locator(".actions").scrollIntoViewIfNeeded();
    await card.getByRole("button", { name: "Allow once" }).click();
    return card;
  };

  const question = await readLine();
  const stolen = new Promise(resolve => {
    page.route("**/decide", route => {
      resolve(route.request().postDataJSON());
      return route.abort();
    });
  });
  await allow(question);
  sendLine("stolen", await stolen);

  await readLine();
  await page.unroute("**/decide");
  const used = page.waitForRequest(request => request.url().endsWith("/decide"));
  const card = await allow(question);
  const body = (await used).postDataJSON();
  await card.waitFor({ state: "detached" });
  sendLine("used", body);
  await readLine();
});
