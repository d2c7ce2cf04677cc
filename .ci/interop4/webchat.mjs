// Drives the page of the web chat in a browser: what a visitor does, what hostile texts must not do, and the page in a frame of another
// site. Prints one line of JSON for each check, as client.mjs does.
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { connect, expect, newIdentity } from "./gateway.mjs";

const gateway = process.env.CARAPACE_URL.replace("ws:", "http:");
const token = process.env.CARAPACE_TOKEN;
const patience = 20_000;

const listening = (handler) =>
  new Promise((resolve) => {
    const server = createServer(handler);
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`));
  });

// A model that says what comes behind "say:", and with "slowly:" the first word a while before the rest.
let goOn = () => {};
async function complete(request, response) {
  let body = "";
  for await (const part of request) {
    body += part;
  }
  if (request.method === "GET") {
    return response.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] }));
  }
  const { content } = JSON.parse(body).messages.findLast((m) => m.role === "user");
  const text = typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
  const [, how, said] = /(say|slowly):([\s\S]*)$/.exec(text) ?? [, "say", "What?"];
  const word = (content) => response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (how === "slowly") {
    word("The beginning of it");
    await new Promise((resolve) => (goOn = resolve));
  }
  word(said);
  response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
}

// Sites that have the chat in their pages.
const site = (request, response) => {
  response.writeHead(200, { "content-type": "text/html" });
  response.end(`<!doctype html><title>Shop</title><h1>Shop</h1><script src="${gateway}/chat/default/embed.js" data-label="Ask us" data-name="Grace"></script>`);
};
const model = await listening((q, r) => complete(q, r).catch(() => r.destroy()));
const shop = await listening(site);
const stranger = await listening(site);

const g = await connect({ token, deviceIdentity: newIdentity() });
await g.call("plugins.configure", { id: "openai", config: { baseUrl: model + "/v1", model: "m" }, secrets: { api_key: "sk-interop-0123456789" } });
await g.call("plugins.configure", {
  id: "webchat", account: "default", access: { dmPolicy: "open" },
  config: { title: "Ask <b>us</b>", greeting: "Hello & welcome!", allowedOrigins: [shop], askName: true, accent: "#702020", callsPerMinute: 600 },
});
const settings = await g.call("config.get", {});
await g.call("config.patch", { raw: JSON.stringify({ agent: { model: "openai/m" }, session: { dmScope: "per-channel-peer" } }), baseHash: settings.hash }).catch(() => {});

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const context = await browser.newContext({ acceptDownloads: true });
const faults = [];

// watch notes what goes wrong in a page, and what it asks of anybody but the gateway and the sites.
function watch(page) {
  page.on("pageerror", (error) => faults.push("error: " + error.message));
  page.on("dialog", (dialog) => (dialog.message().startsWith("Forget") ? dialog.accept() : (faults.push("a dialog: " + dialog.message()), dialog.dismiss())));
  page.on("request", (request) => {
    const url = request.url();
    if (![gateway, shop, stranger, "blob:", "data:,"].some((origin) => url.startsWith(origin))) {
      faults.push("it asks " + url);
    }
  });
  return page;
}

async function check(name, body) {
  let problem = null;
  try {
    await body();
  } catch (error) {
    problem = error?.message ?? String(error);
  }
  console.log(JSON.stringify({ check: name, problem: [problem, ...faults.splice(0)].filter(Boolean).join("\n") || null }));
}

const page = watch(await context.newPage());
const address = gateway + "/chat/default/";
const log = (of = page) => of.getByRole("log", { name: "Messages" });
const box = (of = page) => of.getByLabel("Message", { exact: true });
const see = (text, of = page) => log(of).getByText(text).last().waitFor({ timeout: patience });
const items = (of = page) => log(of).locator(":scope > li");
async function say(text, of = page) {
  await box(of).fill(text, { timeout: patience });
  await box(of).press("Enter");
}
const visitor = () => page.evaluate(() => visit.visitor);

await check("the page opens with its title and its greeting", async () => {
  await page.goto(address);
  await page.getByRole("heading", { name: "Ask <b>us</b>" }).waitFor({ timeout: patience });
  await page.getByText("Hello & welcome!").waitFor({ timeout: patience });
  expect((await page.title()) === "Ask <b>us</b>", "title", await page.title());
});

await check("text goes both ways, with its markup", async () => {
  await say("say:**bold** and `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[a link](https://example.org/x)");
  await log().locator("strong", { hasText: /^bold$/ }).waitFor({ timeout: patience });
  expect((await log().locator("td").count()) === 2, "a table");
  const link = log().getByRole("link", { name: "a link" });
  expect((await link.getAttribute("href")) === "https://example.org/x" && /noopener/.test(await link.getAttribute("rel")), "a link");
  expect((await items().count()) === 2, "messages", await items().count());
});

// Texts that would do something if they were markup, or if what is markup in them were taken as it is.
const hostile = [
  "<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "<svg onload=window.pwned=1>", "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
  "[x](javascript:window.pwned=1)", "[x](data:text/html,<script>window.pwned=1</script>)", "![x](https://evil.example/track.png)", "[x](vbscript:x)", "[x](JaVaScRiPt&colon;window.pwned=1)",
  "`<img src=x onerror=window.pwned=1>`", "```html\n<script>window.pwned=1</script>\n```", "<a href='javascript:window.pwned=1'>x</a>", "\"><img src=x onerror=window.pwned=1>",
  "<math><mtext><table><mglyph><style><img src=x onerror=window.pwned=1></style></mglyph></table></mtext></math>", "<style>*{display:none}</style>", "<form action=https://evil.example><button>x</button></form>",
  "<meta http-equiv=refresh content='0;url=https://evil.example/'>", "<base href=https://evil.example/>", "||<img src=x onerror=window.pwned=1>||", "&lt;script&gt;window.pwned=1&lt;/script&gt;",
];

// harmless fails if anything in the conversation is what could do something.
async function harmless(of = page) {
  const found = await of.evaluate(() => {
    const bad = [];
    for (const e of document.getElementById("log").querySelectorAll("*")) {
      if (!/^(P|BR|STRONG|EM|B|I|DEL|S|CODE|PRE|UL|OL|LI|BLOCKQUOTE|H[1-6]|HR|A|TABLE|THEAD|TBODY|TR|TH|TD|SPAN|DIV|BUTTON|IMG)$/.test(e.tagName)) {
        bad.push(e.outerHTML.slice(0, 200));
      }
      for (const a of e.attributes) {
        const ours = a.name === "src" && e.tagName === "IMG" && a.value.startsWith("blob:");
        const link = a.name === "href" && e.tagName === "A" && /^(https?:\/\/|mailto:)/.test(a.value);
        if (!ours && !link && !["class", "data-key", "title", "target", "rel", "start", "tabindex", "alt", "type", "role", "disabled"].includes(a.name)) {
          bad.push(`${e.tagName} ${a.name}=${a.value.slice(0, 100)}`);
        }
      }
    }
    return { bad, pwned: window.pwned };
  });
  expect(found.bad.length === 0 && found.pwned === undefined, found);
}

await check("what a visitor says is text", async () => {
  for (const text of hostile) {
    await say(text);
  }
  await see(hostile.at(-1));
  const shown = await log().locator("li.visitor .words").allInnerTexts();
  hostile.forEach((text) => expect(shown.some((s) => s.trim() === text.trim()), "shown are", shown, "and not", text));
  await harmless();
});

await check("what a model says is never more than markup", async () => {
  const before = await items().count();
  for (const text of hostile) {
    await say("say:" + text);
  }
  await say("say:that was all");
  await log().locator("li.assistant", { hasText: /^Assistant: that was all$/ }).waitFor({ timeout: patience });
  expect((await items().count()) >= before + 2 * hostile.length, "messages", await items().count());
  await harmless();
});

// A stream that the gateway would not send: a plugin, or somebody in between, has gone bad.
const event = (seq, data, key = `a:bad${seq}`) => `event: kept\ndata: ${JSON.stringify({ seq, order: seq, at: 1, key, data })}\n\n`;

await check("markup from a stream that has gone bad is made harmless", async () => {
  const other = watch(await context.newPage());
  let answered = false;
  const chosen = new Promise((resolve) =>
    other.on("request", (request) => request.url().endsWith("call/message") && resolve(JSON.parse(request.postData()))),
  );
  await other.route("**/-/events**", (route) => {
    if (answered) {
      return route.abort();
    }
    answered = true;
    const evil = [
      ...hostile,
      "<svg><style><img src=x onerror=window.pwned=1></style></svg>", "<noscript><p title=\"</noscript><img src=x onerror=window.pwned=1>\">",
      "<p onclick=window.pwned=1 style=position:fixed id=log>x</p>", "<a href=' javascript:window.pwned=1'>x</a>", "<a href='java\tscript:window.pwned=1'>x</a>",
      "<template><script>window.pwned=1</script></template>", "<span class=spoiler onfocus=window.pwned=1 autofocus tabindex=1>x</span>", "<div>".repeat(5000) + "deep",
      "<object data=javascript:window.pwned=1>", "<input autofocus onfocus=window.pwned=1>", "<details open ontoggle=window.pwned=1>x</details>", "<video src=x onerror=window.pwned=1></video>",
    ].map((html, i) => event(i + 1, { kind: "message", from: "assistant", text: "x", html }));
    const buttons = event(900, { kind: "message", from: "assistant", text: "May I?", actions: [[{ label: "<b>Yes</b>", value: "yes-1", style: "primary onload" }, { label: "No", value: "no-1", style: "danger" }]] });
    const odd = event(901, { kind: "message", from: "x onload=1", text: { a: 1 }, files: [{ id: "../../x", name: "<img>", mime: "text/html" }] });
    route.fulfill({ status: 200, contentType: "text/event-stream", body: evil.join("") + buttons + odd + 'event: ready\ndata: {"seq":901}\n\n' });
  });
  await other.goto(address);
  await other.getByRole("button", { name: "<b>Yes</b>" }).waitFor({ timeout: patience });
  await harmless(other);
  await other.getByRole("button", { name: "<b>Yes</b>" }).click();
  const call = await chosen;
  expect(call.action === "yes-1" && call.target === "a:bad900" && /^[0-9a-f]{32}$/.test(call.id), "chosen", call);
  await other.close();
});

await check("markup cannot come into the page in another way", async () => {
  const got = await page.evaluate(() => {
    const out = [];
    for (const put of [
      () => (document.body.innerHTML = "<img src=x onerror=window.pwned=1>"), () => document.body.insertAdjacentHTML("beforeend", "<b>x</b>"),
      () => trustedTypes.createPolicy("other", { createHTML: (s) => s }), () => trustedTypes.createPolicy("page", { createHTML: (s) => s }),
    ]) {
      try {
        put();
        out.push(String(put));
      } catch {
        // as it has to be
      }
    }
    const script = document.createElement("script");
    try {
      script.text = "window.pwned=1";
      document.body.append(script);
    } catch {
      // likewise
    }
    return { out, pwned: window.pwned };
  });
  faults.splice(0); // the policy's reports
  expect(got.out.length === 0 && got.pwned === undefined, got);
});

await check("a reload shows the same", async () => {
  await say("say:the last word"); // which is answered when all before it is
  await log().locator("li.assistant", { hasText: /^Assistant: the last word$/ }).waitFor({ timeout: patience });
  const before = await items().allInnerTexts();
  await page.reload();
  await log().locator("li.assistant", { hasText: /^Assistant: the last word$/ }).waitFor({ timeout: patience });
  const after = await items().allInnerTexts();
  expect(JSON.stringify(after) === JSON.stringify(before), "before", before.length, "after", after.length);
});

await check("another tab shows the same, and what comes", async () => {
  const other = watch(await context.newPage());
  await other.goto(address);
  await see("that was all", other);
  await say("say:to both tabs");
  await log(other).locator("li.assistant", { hasText: "to both tabs" }).waitFor({ timeout: patience });
  await other.close();
});

await check("what is said without a connection arrives when there is one", async () => {
  await context.setOffline(true);
  await say("say:after the outage");
  await log().locator("li.pending").waitFor({ timeout: patience });
  await page.reload().catch(() => {}); // there is nothing to be loaded
  await context.setOffline(false);
  await page.goto(address);
  await log().locator("li.assistant", { hasText: "after the outage" }).waitFor({ timeout: patience });
  expect((await log().locator("li.visitor", { hasText: "after the outage" }).count()) === 1, "said", await log().locator("li.visitor", { hasText: "after the outage" }).count());
  expect((await log().locator("li.pending").count()) === 0, "something is still on its way");
});

await check("a connection that is lost is told, and comes again", async () => {
  await page.route("**/-/**", (route) => route.abort());
  await page.reload();
  await page.getByText("The connection is lost").waitFor({ timeout: patience });
  await page.unroute("**/-/**");
  await see("after the outage");
  await page.waitForFunction(() => document.getElementById("state").textContent === "", null, { timeout: patience });
});

await check("an answer is shown while it is written", async () => {
  await say("slowly:, and the end");
  await log().locator("li.assistant", { hasText: /The beginning of/ }).waitFor({ timeout: patience });
  const before = await items().count();
  goOn();
  await log().locator("li.assistant", { hasText: "The beginning of it, and the end" }).waitFor({ timeout: patience });
  expect((await items().count()) === before, "messages", before, await items().count());
});

await check("messages are changed and taken back", async () => {
  const to = await visitor();
  const send = await g.call("send", { channel: "webchat", to, message: "first words", idempotencyKey: "s1" });
  await see("first words");
  const act = (action, params) => g.call("message.action", { channel: "webchat", action, params: { to, messageId: send.messageId, ...params }, idempotencyKey: action + "1" });
  await act("edit", { message: "*other* words" });
  await log().locator("em", { hasText: /^other$/ }).waitFor({ timeout: patience });
  await act("delete", {});
  await see("This message was taken back.");
  expect((await log().getByText("words").count()) === (await log().getByText("other words").count()), "the words are still there");
});

// The smallest PNG, one dot.
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

await check("files go both ways", async () => {
  await page.getByLabel("Add files").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: Buffer.from(dot, "base64") });
  await say("say:a dot");
  const image = log().getByRole("img", { name: "dot.png" });
  await image.waitFor({ timeout: patience });
  await page.waitForFunction(() => [...document.querySelectorAll(".files img")].some((i) => i.naturalWidth === 1), null, { timeout: patience });
  await g.call("send", { channel: "webchat", to: await visitor(), message: "a page", buffer: Buffer.from("<script>window.pwned=1</script>").toString("base64"), filename: "x.html", contentType: "text/html", idempotencyKey: "s2" });
  const saved = page.waitForEvent("download");
  await log().getByRole("button", { name: /^Save x.html/ }).click({ timeout: patience });
  expect((await saved).suggestedFilename() === "x.html", "it is called", (await saved).suggestedFilename());
  await harmless();
});

await check("everything can be done by keyboard and is named", async () => {
  const names = await page.evaluate(() =>
    [...document.querySelectorAll("input, textarea, button, ol[role=log], ul#chosen")]
      .filter((e) => !e.hidden && !(e.labels?.length > 0) && !e.getAttribute("aria-label") && !e.textContent.trim())
      .map((e) => e.outerHTML),
  );
  expect(names.length === 0, "without a name", names);
  expect((await log().getAttribute("aria-live")) === "polite", "aria-live");
  await page.getByLabel("Your name").focus();
  const reached = [];
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.id));
  }
  expect(["text", "files", "send"].every((id) => reached.includes(id)), "the keyboard reaches", reached);
});

await check("it is dark for who likes it dark", async () => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.emulateMedia({ colorScheme: "dark" });
  expect((await ground()) !== light, "it stays", light);
  await page.emulateMedia({ colorScheme: "light" });
});

await check("a visit is forgotten when its visitor wants it", async () => {
  const before = await visitor();
  await page.getByRole("button", { name: "Forget this chat" }).click();
  await page.waitForFunction(() => document.getElementById("log").children.length === 0, null, { timeout: patience });
  await page.reload();
  await page.getByRole("heading").waitFor({ timeout: patience });
  await say("say:anew");
  await log().locator("li.assistant", { hasText: "anew" }).waitFor({ timeout: patience });
  expect((await items().count()) === 2 && (await visitor()) !== before, "messages", await items().count());
});

await check("a site that is listed shows it in a frame", async () => {
  const other = watch(await context.newPage());
  await other.goto(shop);
  const button = other.getByRole("button", { name: "Ask us" });
  await button.click({ timeout: patience });
  const inside = other.frameLocator("iframe");
  expect((await inside.getByLabel("Your name").inputValue({ timeout: patience })) === "Grace", "the name");
  await say("say:in the frame", inside);
  await log(inside).locator("li.assistant", { hasText: "in the frame" }).waitFor({ timeout: patience });
  const to = await other.frames()[1].evaluate(() => visit.visitor);
  await box(inside).press("Escape");
  expect((await other.getByRole("button", { name: "Ask us" }).getAttribute("aria-expanded")) === "false", "it is open");
  await g.call("send", { channel: "webchat", to, message: "are you there?", idempotencyKey: "s3" });
  await other.getByRole("button", { name: "Ask us, 1 not read" }).click({ timeout: patience });
  await see("are you there?", inside);
  await other.close();
});

await check("a site that is not listed cannot", async () => {
  const other = watch(await context.newPage());
  const refused = other.waitForEvent("console", { predicate: (m) => /frame-ancestors/.test(m.text()), timeout: patience });
  await other.goto(stranger);
  await other.getByRole("button", { name: "Ask us" }).click({ timeout: patience });
  await refused;
  expect((await other.frameLocator("iframe").getByRole("log").count()) === 0, "it is shown");
  const asked = await other.evaluate(
    (to) => fetch(to, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).then((r) => r.status, (e) => e.name),
    address + "-/visit",
  );
  expect(asked === "TypeError", "its script is answered", asked);
  faults.splice(0);
  await other.close();
});

await browser.close();
process.exit(0);
