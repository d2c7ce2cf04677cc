// Drives the web page that others publish for protocol 3 in a browser: a chat whose answer streams, and every page that it has.
// Prints one line of JSON for each check, as client.mjs does.
import { browser, check, origin, page, patience, token, visit } from "./browser.mjs";
import { connect, newIdentity } from "./gateway.mjs";
import { startModel } from "./model.mjs";

await check("the page opens and chats", async () => {
  await page.goto(`${origin}/chat?session=main&token=${token}`);
  const box = page.locator("textarea").last();
  await box.waitFor({ timeout: patience });
  await page.waitForFunction(() => !document.querySelector("textarea")?.disabled, null, { timeout: patience });
  await box.fill("what is 17*23?");
  await box.press("Enter");
  await page.getByText("17*23 is 391.").last().waitFor({ timeout: patience });
});

await check("an answer streams", async () => {
  const g = await connect({ token, deviceIdentity: newIdentity() });
  const baseUrl = await startModel();
  await g.call("plugins.configure", { id: "openai", config: { baseUrl, model: "m" }, secrets: { api_key: "sk-interop-0123456789" } });
  await g.call("sessions.patch", { key: "main", model: "openai/m" });
  const box = page.locator("textarea").last();
  await box.fill("linger");
  await box.press("Enter");
  await page.getByText(/still 1 /).last().waitFor({ timeout: patience });
  await page.getByText(/still 20 /).last().waitFor({ timeout: patience }); // the same answer, further on
  await g.call("chat.abort", { sessionKey: "main" });
  await g.client.stopAndWait();
});

await visit(["/chat", "/overview", "/channels", "/instances", "/sessions", "/cron", "/skills", "/nodes", "/config", "/debug", "/logs"], []);

await browser.close();
process.exit(0);
