// The visitor's side of the chat. The kernel's side is described with its package visitor: a visit's token, calls, and an event
// stream of what is kept for the visit.
"use strict";

const base = new URL("./-/", location.href);
const byId = (id) => document.getElementById(id);
const log = byId("log");
const main = document.querySelector("main");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What is kept in this browser: the pass of the visit, and what was said and is not known to have arrived. A browser that keeps
// nothing for a page in a frame has a new visit at each load.
const store = {
  name: "carapace chat " + location.pathname,
  read() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) ?? {};
    } catch {
      return this.own ?? {};
    }
  },
  write(change) {
    this.own = { ...this.read(), ...change };
    try {
      localStorage.setItem(this.name, JSON.stringify(this.own));
    } catch {
      // what is kept in memory lasts as long as the page
    }
  },
};

// ---- the visit ----

class Refused extends Error {
  constructor(status, message, after) {
    super(message);
    this.status = status;
    this.after = after;
  }
}

// ask makes a request of the page's own address, and fails with what the server says.
async function ask(path, options) {
  const response = await fetch(new URL(path, base), { cache: "no-store", credentials: "omit", ...options });
  if (response.ok) {
    return response;
  }
  let message = "";
  try {
    message = (await response.json()).error.message;
  } catch {
    // a proxy's page, say
  }
  throw new Refused(response.status, message || `the server answers ${response.status}`, Number(response.headers.get("Retry-After")) * 1000);
}

let visit = null; // {visitor, token, until, maxFile}
let beginning = null;

// enter returns a token that is good, for the visit that this browser knows of or for a new one.
async function enter() {
  if (visit && Date.now() < visit.until) {
    return visit.token;
  }
  beginning ??= begin().finally(() => (beginning = null));
  await beginning;
  return visit.token;
}

async function begin() {
  const { pass } = store.read();
  const call = (body) => ask("visit", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  let response;
  try {
    response = await call(pass ? { pass } : {});
  } catch (error) {
    if (!pass || error.status !== 403) {
      throw error;
    }
    forgetAll(); // it is over, or too old
    response = await call({});
  }
  const got = await response.json();
  visit = { visitor: got.visitor, token: got.token, until: Date.now() + got.expiresIn * 0.9, maxFile: got.maxFile };
  store.write({ pass: got.pass });
}

// call is ask with the visit's token, which is renewed once.
async function call(path, options = {}) {
  for (let again = false; ; again = true) {
    const token = await enter();
    try {
      return await ask(path, { ...options, headers: { ...options.headers, Authorization: "Bearer " + token } });
    } catch (error) {
      if (error.status !== 403 || again) {
        throw error;
      }
      visit = null;
    }
  }
}

const post = (path, body) => call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// ---- what comes ----

let seq = 0; // up to where this page has everything
let acked = 0;
let online = false;

// listen follows the event stream, for ever.
async function listen() {
  for (let failures = 0; ; ) {
    try {
      const response = await call("events?after=" + seq);
      failures = 0;
      await read(response.body.getReader());
    } catch (error) {
      failures++;
      tellState(error.status === 429 ? "There are many visitors just now. Trying again…" : "The connection is lost. Trying again…");
    }
    online = false;
    await sleep(failures === 0 ? 50 : Math.min(500 * 2 ** failures, 15000) * (0.5 + Math.random()));
  }
}

// read takes the events of one stream. A stream that says nothing for a minute is dead.
async function read(reader) {
  const decoder = new TextDecoder();
  for (let rest = ""; ; ) {
    let timer;
    const silence = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("silence")), 60000)));
    let piece;
    try {
      piece = await Promise.race([reader.read(), silence]);
    } finally {
      clearTimeout(timer);
    }
    if (piece.done) {
      return;
    }
    const events = (rest + decoder.decode(piece.value, { stream: true })).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      take(event);
    }
  }
}

function take(event) {
  let name = "";
  let data = "";
  for (const line of event.split("\n")) {
    if (line.startsWith("event: ")) {
      name = line.slice(7);
    } else if (line.startsWith("data: ")) {
      data += line.slice(6);
    }
  }
  switch (name) {
    case "kept":
      keep(JSON.parse(data));
      break;
    case "live":
      if (JSON.parse(data).data?.kind === "typing") {
        showTyping();
      }
      break;
    case "reset":
      clearLog();
      break;
    case "ready":
      seq = JSON.parse(data).seq;
      online = true;
      tellState("");
      log.setAttribute("aria-busy", "false");
      drain();
  }
}

// acknowledge says up to where the browser has what was pushed, a little later, so that many are one.
let acknowledging = false;
async function acknowledge() {
  if (acknowledging) {
    return;
  }
  acknowledging = true;
  while (acked < seq) {
    await sleep(300);
    const now = seq;
    try {
      await post("ack", { seq: now });
      acked = now;
    } catch {
      await sleep(2000);
    }
  }
  acknowledging = false;
}

// ---- the conversation ----

// messages are what is shown, by key: {order, at, body, edit, actions, element}. A change may come before its message.
const messages = new Map();

function keep(entry) {
  seq = Math.max(seq, entry.seq);
  const [, key, part] = /^(.*?)(#text|#actions)?$/s.exec(entry.key);
  const m = messages.get(key) ?? { key };
  messages.set(key, m);
  const had = { ...entry.data, seq: entry.seq };
  if (part === "#text") {
    m.edit = had;
  } else if (part === "#actions") {
    m.actions = had;
  } else {
    Object.assign(m, { body: had, order: entry.order, at: entry.at, pending: false });
    arrived(key);
  }
  show(m);
  acknowledge();
  if (had.kind === "message" && had.from === "assistant") {
    stopTyping();
    count();
  }
}

// show draws a message anew. One that is not there yet, or has nothing in it, is not drawn.
function show(m) {
  if (!m.body) {
    return;
  }
  const stay = main.scrollHeight - main.scrollTop - main.clientHeight < 80;
  const li = document.createElement("li");
  const gone = m.body.kind === "gone";
  li.className = [gone ? "gone" : m.body.from, m.pending ? "pending" : "", m.failed ? "failed" : ""].filter(Boolean).join(" ");
  li.dataset.key = m.key;
  if (gone) {
    li.textContent = "This message was taken back.";
  } else {
    const text = m.edit?.kind === "edit" ? m.edit : m.body;
    li.append(span("who", m.body.from === "visitor" ? "You: " : "Assistant: "), words(text));
    files(li, m.body.files ?? []);
    const newest = [m.body, m.edit, m.actions].filter(Boolean).reduce((a, b) => (b.seq > a.seq ? b : a));
    buttons(li, m, newest.actions ?? []);
    if (m.failed) {
      li.append(span("", "Not sent: " + m.failed));
    }
  }
  if (m.at) {
    li.title = new Date(m.at).toLocaleString();
  }
  const focused = m.element?.contains(document.activeElement);
  place(m, li);
  if (focused) {
    log.focus();
  }
  byId("greeting").hidden = !byId("greeting").textContent;
  if (stay || m.pending) {
    main.scrollTop = main.scrollHeight;
  }
}

// place puts a message's element where its order says; what has not arrived is last.
function place(m, li) {
  if (m.element) {
    const same = m.drawn === m.order;
    if (same) {
      m.element.replaceWith(li);
    } else {
      m.element.remove();
    }
    m.element = li;
    if (same) {
      return;
    }
  }
  m.element = li;
  m.drawn = m.order;
  li.order = m.order ?? Infinity;
  let next = null;
  for (let at = log.lastElementChild; at && at.order > li.order; at = at.previousElementSibling) {
    next = at;
  }
  log.insertBefore(li, next);
}

function clearLog() {
  for (const [key, m] of messages) {
    if (!m.pending) {
      m.element?.remove();
      messages.delete(key);
    }
  }
  seq = acked = 0;
}

function span(name, text) {
  const s = document.createElement("span");
  if (name) {
    s.className = name;
  }
  s.textContent = text;
  return s;
}

// words shows a text: as it is, or what its markup says.
function words(body) {
  const div = document.createElement("div");
  div.className = "words";
  if (typeof body.html === "string") {
    div.append(markup(body.html));
  } else {
    div.classList.add("plain");
    div.textContent = body.text ?? "";
  }
  return div;
}

// ---- markup ----

// Markup is read in a document of its own, in which nothing loads and nothing runs, and what is harmless in it is made anew here: these
// elements, with the address of a link and the number that a list begins with. There is no other way for markup into the page.
const harmless = new Set("P BR STRONG EM B I DEL S CODE PRE UL OL LI BLOCKQUOTE H1 H2 H3 H4 H5 H6 HR A TABLE THEAD TBODY TR TH TD SPAN".split(" "));
const silent = new Set("SCRIPT STYLE TEMPLATE IFRAME OBJECT EMBED NOSCRIPT TITLE TEXTAREA SELECT HEAD NOEMBED NOFRAMES XMP PLAINTEXT".split(" "));
const maxDepth = 100;
const inert = globalThis.trustedTypes
  ? trustedTypes.createPolicy("page", { createHTML: (text) => text })
  : { createHTML: (text) => text };

function markup(html) {
  const read = new DOMParser().parseFromString(inert.createHTML(html), "text/html");
  const out = document.createDocumentFragment();
  copy(read.body, out, 0);
  return out;
}

function copy(from, to, depth) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      to.append(node.data);
    } else if (node.nodeType === Node.ELEMENT_NODE && depth < maxDepth && node.namespaceURI === "http://www.w3.org/1999/xhtml" && !silent.has(node.tagName)) {
      let into = to;
      if (harmless.has(node.tagName)) {
        into = document.createElement(node.tagName);
        to.append(into);
        attributes(node, into);
      }
      copy(node, into, depth + 1);
    }
  }
}

function attributes(from, to) {
  if (to.tagName === "A") {
    const href = from.getAttribute("href") ?? "";
    if (/^(https?:\/\/|mailto:)/i.test(href)) {
      to.href = href;
      to.target = "_blank";
      to.rel = "noopener noreferrer nofollow";
    }
  }
  if (to.tagName === "OL" && /^[0-9]{1,9}$/.test(from.getAttribute("start") ?? "")) {
    to.start = Number(from.getAttribute("start"));
  }
  if (to.tagName === "SPAN" && from.classList.contains("spoiler")) {
    to.className = "spoiler";
    to.tabIndex = 0;
  }
}

// ---- files and buttons ----

// A file is loaded with the token and shown from memory. Nothing but pictures, sounds and videos is: a page would be one of this origin.
const pictures = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const sounds = /^(audio|video)\/[a-z0-9.+-]+$/;

function files(li, list) {
  if (list.length === 0) {
    return;
  }
  const ul = document.createElement("ul");
  ul.className = "files";
  for (const f of list) {
    const item = document.createElement("li");
    ul.append(item);
    if (!f.id) {
      item.textContent = f.name || "a file";
    } else if (pictures.test(f.mime)) {
      const image = document.createElement("img");
      image.alt = f.caption || f.name || "a picture";
      item.append(image);
      load(f).then((url) => (image.src = url), () => item.replaceChildren(`${image.alt} (no longer kept)`));
    } else if (sounds.test(f.mime)) {
      const player = document.createElement(f.mime.startsWith("audio/") ? "audio" : "video");
      player.controls = true;
      item.append(player);
      load(f).then((url) => (player.src = url), () => item.replaceChildren(`${f.name} (no longer kept)`));
    } else {
      item.append(download(f));
    }
    if (f.caption && !pictures.test(f.mime)) {
      item.append(span("", f.caption));
    }
  }
  li.append(ul);
}

// loaded are the addresses in memory of files, by their ids.
const loaded = new Map();

function load(f) {
  if (!loaded.has(f.id)) {
    const file = call("file/" + encodeURIComponent(f.id)).then(async (response) => URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: f.mime })));
    file.catch(() => loaded.delete(f.id));
    loaded.set(f.id, file);
  }
  return loaded.get(f.id);
}

function download(f) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Save ${f.name || "the file"}${f.size ? ` (${Math.ceil(f.size / 1024)} KB)` : ""}`;
  button.addEventListener("click", async () => {
    try {
      const response = await call("file/" + encodeURIComponent(f.id));
      const a = document.createElement("a");
      a.href = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: "application/octet-stream" }));
      a.download = f.name || "file";
      a.click();
      setTimeout(() => URL.revokeObjectURL(a.href), 60000);
    } catch {
      button.textContent = `${f.name || "The file"} is no longer kept`;
      button.disabled = true;
    }
  });
  return button;
}

function buttons(li, m, rows) {
  for (const row of rows) {
    const div = document.createElement("div");
    div.className = "actions";
    div.setAttribute("role", "group");
    for (const action of row) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = action.label;
      button.className = action.style === "primary" || action.style === "danger" ? action.style : "";
      button.addEventListener("click", async () => {
        const all = li.querySelectorAll(".actions button");
        all.forEach((b) => (b.disabled = true));
        try {
          await post("call/message", { id: newId(), action: action.value, target: m.key, name: name() });
        } catch (error) {
          tellState(error.message);
          all.forEach((b) => (b.disabled = false));
        }
      });
      div.append(button);
    }
    li.append(div);
  }
}

// ---- what is said ----

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
const name = () => byId("name").value.trim();

// queue is what was said and is not known to have arrived: {id, text, name, files}. Files do not outlive the page.
let queue = [];
let draining = false;

function save() {
  store.write({ queue: queue.filter((q) => !q.files).map(({ id, text, name }) => ({ id, text, name })) });
}

function say(text, list) {
  const q = { id: newId(), text, name: name(), ...(list.length > 0 && { files: list }) };
  queue.push(q);
  save();
  draw(q);
  drain();
}

function draw(q) {
  const key = "v:" + q.id;
  if (!messages.has(key)) {
    const m = { key, pending: true, body: { kind: "message", from: "visitor", text: q.text, seq: 0, files: (q.files ?? []).map((f) => ({ name: f.name, mime: "" })) } };
    messages.set(key, m);
    show(m);
  }
}

// arrived takes what the server has told of out of the queue.
function arrived(key) {
  const before = queue.length;
  queue = queue.filter((q) => "v:" + q.id !== key);
  if (queue.length < before) {
    save();
  }
}

// drain sends what is in the queue, in order, each until it is answered.
async function drain() {
  if (draining) {
    return;
  }
  draining = true;
  for (let failures = 0; queue.length > 0; ) {
    const q = queue[0];
    try {
      await send(q);
      failures = 0;
      queue = queue.filter((other) => other !== q);
      save();
    } catch (error) {
      if ([400, 413, 404].includes(error.status)) {
        queue = queue.filter((other) => other !== q);
        save();
        const m = messages.get("v:" + q.id);
        if (m) {
          m.failed = error.message;
          m.pending = false;
          show(m);
        }
        continue;
      }
      failures++;
      if (error.status) {
        tellState("It takes a little until this is sent…");
      }
      await sleep(error.after || Math.min(500 * 2 ** failures, 15000));
    }
  }
  draining = false;
  if (online) {
    tellState("");
  }
}

function send(q) {
  const body = { id: q.id, text: q.text, name: q.name };
  if (!q.files) {
    return post("call/message", body);
  }
  const form = new FormData();
  form.append("call", JSON.stringify(body));
  for (const f of q.files) {
    form.append("file", f, f.name);
  }
  return call("call/message", { method: "POST", body: form });
}

let typedAt = 0;
function typed() {
  if (online && byId("text").value && Date.now() - typedAt > 8000) {
    typedAt = Date.now();
    post("call/typing", { name: name() }).catch(() => {}); // nothing is lost
  }
}

// ---- what is told ----

function tellState(text) {
  if (byId("state").textContent !== text) {
    byId("state").textContent = text;
  }
}

let typing;
function showTyping() {
  clearTimeout(typing);
  byId("typing").textContent = "An answer is being written…";
  typing = setTimeout(stopTyping, 7000);
}

function stopTyping() {
  clearTimeout(typing);
  byId("typing").textContent = "";
}

// In a frame, the page around it shows how much was not read, and closes it.
const framed = parent !== window;
let closed = false;
let unread = 0;

function count() {
  if (framed && closed) {
    unread++;
    parent.postMessage({ carapaceChat: "unread", count: unread }, "*"); // a number is no secret
  }
}

addEventListener("message", (event) => {
  if (framed && event.source === parent && typeof event.data === "object" && event.data !== null) {
    closed = event.data.carapaceChat === "closed" || (closed && event.data.carapaceChat !== "opened");
    if (event.data.carapaceChat === "opened") {
      unread = 0;
      byId("close").hidden = false;
      byId("text").focus();
    }
  }
});

function leave() {
  parent.postMessage({ carapaceChat: "close" }, "*");
}

function forgetAll() {
  visit = null;
  queue = [];
  store.write({ pass: undefined, queue: [] });
  messages.forEach((m) => m.element?.remove());
  messages.clear();
  seq = acked = 0;
}

async function start() {
  const given = new URLSearchParams(location.hash.slice(1)).get("name");
  byId("name").value = given ?? store.read().name ?? "";
  for (let failures = 1; ; failures++) {
    try {
      const about = await (await post("call/about", {})).json();
      document.title = byId("title").textContent = about.title;
      byId("greeting").textContent = about.greeting;
      byId("greeting").hidden = !about.greeting;
      byId("who").hidden = !about.askName;
      byId("text").maxLength = about.maxText;
      byId("attach").hidden = byId("files").hidden = !visit?.maxFile;
      if (/^#[0-9a-f]{6}$/i.test(about.accent)) {
        const [r, g, b] = [1, 3, 5].map((i) => parseInt(about.accent.slice(i, i + 2), 16));
        document.documentElement.style.setProperty("--accent", about.accent);
        document.documentElement.style.setProperty("--on-accent", r * 0.299 + g * 0.587 + b * 0.114 > 150 ? "#111" : "#fff");
      }
      break;
    } catch (error) {
      tellState(error.status === 404 ? "This chat is not there (any more)." : "The connection is lost. Trying again…");
      await sleep(error.after || Math.min(500 * 2 ** failures, 15000));
    }
  }
  queue = store.read().queue ?? [];
  queue.forEach(draw);
  listen();
}

byId("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  const list = [...byId("files").files];
  const large = list.find((f) => f.size > (visit?.maxFile ?? 0));
  if (large) {
    tellState(`${large.name} is too large: ${Math.floor(visit.maxFile / 1048576)} MB are taken.`);
    return;
  }
  if (list.length > 8) {
    tellState("At most 8 files go with a message.");
    return;
  }
  if (text || list.length > 0) {
    say(text, list);
    byId("text").value = byId("files").value = "";
    byId("chosen").replaceChildren();
  }
  byId("text").focus();
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    byId("say").requestSubmit();
  }
});
byId("text").addEventListener("input", typed);
byId("name").addEventListener("change", () => store.write({ name: name() }));
byId("files").addEventListener("change", () => {
  byId("chosen").replaceChildren(...[...byId("files").files].map((f) => {
    const li = document.createElement("li");
    li.textContent = f.name;
    return li;
  }));
});
byId("forget").addEventListener("click", async () => {
  if (!confirm("Forget what was said here?")) {
    return;
  }
  try {
    await post("end", {});
  } catch (error) {
    if (error.status !== 403) {
      tellState("The chat could not be forgotten: " + error.message);
      return;
    }
  }
  forgetAll();
  tellState("");
});
byId("close").addEventListener("click", leave);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && framed) {
    leave();
  }
});

start();
