// Drives the web page that others publish for protocol 4 in a browser: ten turns, a stop, a new conversation, a reload, and
// every page that it has. Prints one line of JSON for each check, as client.mjs does.
import { browser, check, origin, page, patience, token, visit } from "./browser.mjs";
import { connect, expect, newIdentity } from "./gateway.mjs";
import { startModel } from "./model.mjs";

// A pane that is left stays in the page for a while.
const shown = (locator) => locator.locator("visible=true").last();
const box = () => shown(page.getByPlaceholder(/^Message /));
const see = (text) => shown(page.getByText(text)).waitFor({ timeout: patience });

async function say(text) {
  await box().fill(text, { timeout: patience });
  await box().press("Enter");
}

await check("the page opens on the main conversation", async () => {
  await page.goto(`${origin}/chat?session=main#token=${token}`);
  await box().waitFor({ timeout: patience });
});

await check("ten turns", async () => {
  for (let n = 1; n <= 10; n++) {
    await say(`what is ${n}*1001?`);
    await see(`${n}*1001 is ${n * 1001}.`);
    await see(new RegExp(`^what is ${n}\\*1001\\?$`)); // what was said is still there
  }
});

await check("a new conversation", async () => {
  await say("/new");
  await page.waitForURL(/chat\/main\/[0-9a-f]{32}/, { timeout: patience });
  await see("Type a message below");
  await say("what is 17*23?");
  await see("17*23 is 391.");
});

await check("a reload shows the same conversation", async () => {
  await page.reload();
  await box().waitFor({ timeout: patience });
  await see("17*23 is 391.");
});

await check("an answer is stopped", async () => {
  const g = await connect({ token, deviceIdentity: newIdentity() });
  const baseUrl = await startModel();
  await g.call("plugins.configure", { id: "openai", config: { baseUrl, model: "m" }, secrets: { api_key: "sk-interop-0123456789" } });
  const { sessions } = await g.call("sessions.list", { limit: 10 });
  const { key } = sessions.find((s) => s.key.includes(":chat:"));
  await g.call("sessions.patch", { key, model: "openai/m" });
  await say("wait");
  await see(/still 1 /);
  await shown(page.getByRole("button", { name: /^stop/i })).click({ timeout: patience });
  let row;
  for (const end = Date.now() + patience; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    row = (await g.call("sessions.describe", { key })).session;
    if (row.status === "killed" || Date.now() > end) {
      break;
    }
  }
  expect(row.status === "killed", "the run is", row.status);
  await g.client.stopAndWait();
});

await check("a chat account is connected step by step", async () => {
  await page.goto(`${origin}/settings/channels`);
  await page.getByRole("button", { name: /Telegram/ }).first().click({ timeout: patience });
  await page.getByRole("button", { name: "Run setup" }).click({ timeout: patience });
  await see("From @BotFather");
  const field = page.locator("#channel-wizard-text-input");
  expect((await field.getAttribute("type")) === "password", "a credential is shown");
  await shown(page.getByRole("button", { name: "Continue" })).click(); // without a token
  await see("Bot token is needed");
  await field.fill("123:interop");
  await shown(page.getByRole("button", { name: "Continue" })).click();
  await see("Everything else has a default");
  await shown(page.getByRole("button", { name: "No", exact: true })).click();
  await see("Who may write to the account?");
});

await check("a provider is connected by its key", async () => {
  const g = await connect({ token, deviceIdentity: newIdentity() });
  await g.call("models.authLogout", { provider: "openai" });
  await page.goto(`${origin}/settings/model-providers`);
  await page.getByRole("button", { name: "Connect provider" }).first().click({ timeout: patience });
  await shown(page.getByText("OpenAI", { exact: true })).click({ timeout: patience });
  await page.getByPlaceholder("Enter provider API key").fill("sk-interop-0123456789", { timeout: patience });
  await shown(page.getByRole("button", { name: "Save provider" })).click({ timeout: patience });
  const profiles = async () => (await g.call("models.authStatus")).providers.flatMap((p) => p.profiles.map((profile) => profile.profileId));
  for (const end = Date.now() + patience; !(await profiles()).includes("openai:default"); ) {
    expect(Date.now() < end, "the key is not kept:", await profiles());
  }
  await g.client.stopAndWait();
});

await check("a phone is paired by the code that the page shows", async () => {
  const g = await connect({ token, deviceIdentity: newIdentity() });
  const { hash } = await g.call("config.get");
  await g.call("config.patch", { baseHash: hash, raw: '{"gateway":{"publicUrl":"https://chat.example.org"}}' });
  await page.goto(`${origin}/settings/devices`);
  await page.getByRole("button", { name: "Pair device" }).first().click({ timeout: patience });
  await shown(page.getByRole("button", { name: "Create setup code" })).click({ timeout: patience });
  await shown(page.locator('img[src^="data:image/png;base64,"]')).waitFor({ timeout: patience });
  const text = await page.evaluate(() => document.body.innerText + [...document.querySelectorAll("input, textarea, code")].map((e) => e.value ?? e.textContent).join(" "));
  const code = /eyJ[A-Za-z0-9_-]{100,}/.exec(text)?.[0];
  expect(code, "the page shows no code:", text.slice(0, 3000));
  const { url, bootstrapToken } = JSON.parse(Buffer.from(code, "base64url").toString());
  expect(url === "wss://chat.example.org", "the code is for", url);
  const phone = await connect({ bootstrapToken, role: "node", scopes: [], mode: "node", clientName: "openclaw-ios", clientDisplayName: "Ann's phone", deviceIdentity: newIdentity() });
  await see("Ann's phone");
  await phone.client.stopAndWait();
  await g.client.stopAndWait();
});

// What this gateway has nothing to say of: the page shows a line about it where it would stand, and goes on.
const absent = `update.status plugins.controlUi.list sessions.observer.visibility question.list progressCard.get
  sessions.companion.state transcripts.list migrations.memory.plan plugins.catalog.browse themes.list artifacts.list
  doctor.memory.status tools.github.status skills.library.list skills.search skills.proposals.list worktrees.list`.split(/\s+/);

await visit(
  `/activity /agents /apps /automations /custodian /dashboard /dashboards /debug /logs /meetings /memory-import /new /plugins /portals
    /sessions /settings/about /settings/advanced /settings/agents /settings/ai-agents /settings/appearance /settings/approvals
    /settings/automation /settings/channels /settings/cloud-workers /settings/communications /settings/connection /settings/device
    /settings/devices /settings/infrastructure /settings/labs /settings/lobsterdex /settings/mcp /settings/memory
    /settings/model-providers /settings/notifications /settings/plugins /settings/profile /settings/secrets /settings/security
    /settings/skills /settings/talk /settings/updates /skills /skills/workshop /systems /tasks /usage /workboard /worktrees`.split(/\s+/),
  absent,
);

await browser.close();
process.exit(0);
