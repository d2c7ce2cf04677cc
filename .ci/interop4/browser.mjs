// Serves a web page together with the gateway, opens it in a browser, and watches what it asks and what goes wrong.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect as connectTCP } from "node:net";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

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
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
const faults = [];
page.on("pageerror", (error) => faults.push(error.message));

// What the page asks, and what of it was refused although hello-ok lists it.
const asked = new Map();
const greeted = { methods: [] };
const refused = [];
const absent = new Set(); // what it asks although hello-ok does not list it
let last = Date.now(); // when it has last said or heard something
page.on("websocket", (socket) => {
  socket.on("framesent", ({ payload }) => {
    const frame = JSON.parse(payload);
    last = Date.now();
    asked.set(frame.id, frame);
  });
  socket.on("framereceived", ({ payload }) => {
    const frame = JSON.parse(payload);
    const request = asked.get(frame.id);
    if (frame.type !== "res" || !request) {
      return;
    }
    last = Date.now();
    if (request.method === "connect" && frame.ok) {
      greeted.methods = frame.payload.features.methods;
    } else if (!frame.ok && /^config schema path not found/.test(frame.error.message)) {
      // it looks for the settings of a plugin that is not installed
    } else if (!frame.ok && greeted.methods.includes(request.method)) {
      refused.push(`${request.method} ${JSON.stringify(request.params)}: ${frame.error.message}`);
    } else if (!frame.ok) {
      absent.add(request.method);
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

// settled waits until the page has loaded and asks nothing more.
async function settled() {
  const still = 1000;
  await page.waitForLoadState("networkidle").catch(() => {}); // one that streams is never idle
  for (const end = Date.now() + patience; Date.now() - last < still && Date.now() < end; ) {
    await page.waitForTimeout(still / 4);
  }
}

// visit opens each address, waits until the page is there, and checks that nothing broke and that nothing is asked but what hello-ok
// lists, or what is known to be absent here.
async function visit(paths, known) {
  for (const path of paths) {
    await check(`page ${path}`, async () => {
      absent.clear();
      await page.goto(origin + path);
      await settled();
      const text = await page.locator("body").innerText();
      const unknown = [...absent].filter((method) => !known.includes(method));
      if (text.trim() === "" || unknown.length > 0) {
        throw new Error(unknown.length > 0 ? `it asks what is not there: ${unknown.join(", ")}` : "it is empty");
      }
    });
  }
}

export { browser, check, origin, page, patience, settled, token, visit };
