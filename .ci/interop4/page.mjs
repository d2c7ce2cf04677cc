// Drives the web page that others publish for protocol 4 in a browser: ten turns, a stop, a new conversation, a reload.
// Prints one line of JSON for each check, as client.mjs does.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect as connectTCP } from "node:net";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";
import { connect, expect, newIdentity } from "./gateway.mjs";
import { startModel } from "./model.mjs";

const gateway = new URL(process.env.CARAPACE_URL.replace("ws:", "http:"));
const token = process.env.CARAPACE_TOKEN;
const root = process.env.PAGE_ROOT;
const patience = 20_000;

// The page is served from one port with the gateway, as a reverse proxy does it: browsers let it connect then.
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };

async function serve(request, response) {
  let path = normalize(decodeURIComponent(new URL(request.url, "http://page").pathname));
  path = path.slice(Math.max(path.indexOf("/assets/"), 0));
  if (!extname(path)) {
    path = "/index.html"; // every address of the page is the page
  }
  try {
    const body = await readFile(join(root, path));
    response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

const server = createServer(serve);
server.on("upgrade", (request, socket, head) => {
  const up = connectTCP(gateway.port, gateway.hostname, () => {
    const headers = request.rawHeaders.map((h, i) => (i % 2 ? `${h}\r\n` : `${h}: `)).join("");
    up.write(`GET /ws HTTP/1.1\r\n${headers}\r\n`);
    up.write(head);
    socket.pipe(up).pipe(socket);
  });
  up.on("error", () => socket.destroy());
  socket.on("error", () => up.destroy());
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
const faults = [];
page.on("pageerror", (error) => faults.push(error.message));

// What the page asks, and what of it was refused although hello-ok lists it.
const asked = new Map();
const greeted = { methods: [] };
const refused = [];
page.on("websocket", (socket) => {
  socket.on("framesent", ({ payload }) => {
    const frame = JSON.parse(payload);
    asked.set(frame.id, frame);
  });
  socket.on("framereceived", ({ payload }) => {
    const frame = JSON.parse(payload);
    const request = asked.get(frame.id);
    if (frame.type !== "res" || !request) {
      return;
    }
    if (request.method === "connect" && frame.ok) {
      greeted.methods = frame.payload.features.methods;
    } else if (!frame.ok && greeted.methods.includes(request.method)) {
      refused.push(`${request.method} ${JSON.stringify(request.params)}: ${frame.error.message}`);
    }
  });
});

async function check(name, body) {
  let problem = null;
  try {
    await body();
  } catch (error) {
    problem = error?.message ?? String(error);
  }
  const wrong = [problem, ...faults.splice(0), ...refused.splice(0)].filter(Boolean).join("\n") || null;
  console.log(JSON.stringify({ check: name, problem: wrong }));
}

// A pane that is left stays in the page for a while.
const shown = (locator) => locator.locator("visible=true").last();
const box = () => shown(page.getByPlaceholder(/^Message /));
const see = (text) => shown(page.getByText(text)).waitFor({ timeout: patience });

async function say(text) {
  await box().fill(text, { timeout: patience });
  await box().press("Enter");
}

await check("the page opens on the main conversation", async () => {
  await page.goto(`http://127.0.0.1:${server.address().port}/chat?session=main#token=${token}`);
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

await browser.close();
process.exit(0);
