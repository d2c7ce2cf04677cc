// Drives a gateway over protocol 4. Prints one line of JSON for each check, {"check", "problem"}, where
// problem is null if all is well, and ends with 0 when it got through all of them.
import { randomUUID } from "node:crypto";
import { createSessionProjection, reduceSessionProjection, reduceSessionProjectionRunEvent } from "@openclaw/gateway-client";
import * as protocol from "@openclaw/gateway-protocol";
import { checked, connect, expect, frames, gaps, kept, newIdentity, refusal, token, until } from "./gateway.mjs";
import { startModel } from "./model.mjs";

async function check(name, body) {
  let problem = null;
  const before = frames.wrong.length;
  try {
    await body();
  } catch (error) {
    problem = error?.message ?? String(error);
  }
  const wrong = frames.wrong.slice(before);
  console.log(JSON.stringify({ check: name, problem: [problem, ...wrong].filter(Boolean).join("\n") || null }));
}

// ask sends a message and returns the chat events of its run, up to the last.
async function ask(sessionKey, message, meanwhile = () => {}) {
  const runId = randomUUID();
  const ack = await call("chat.send", { sessionKey, message, idempotencyKey: runId });
  expect(ack.runId === runId && ack.status === "started", ack);
  const mine = () => g.heard.filter((e) => e.event === "chat" && e.payload.runId === runId).map((e) => e.payload);
  await until(() => mine().length > 0, "the first chat event");
  await meanwhile(runId);
  await until(() => !["delta", "status"].includes(mine().at(-1).state), "the run's end");
  const seqs = mine().map((p) => p.seq);
  expect(seqs.every((seq, i) => i === 0 || seq > seqs[i - 1]), "seq does not grow:", seqs);
  return mine();
}

const textOf = (message) => message.content.map((part) => part.text ?? "").join("");

// streamed puts the deltas together as a client does that looks at nothing else.
const streamed = (events) => events.filter((p) => p.state === "delta").reduce((text, p) => (p.replace ? p.deltaText : text + p.deltaText), "");

const identity = newIdentity();
let g;

// call checks the parameters as the package would before it sends them.
function call(method, params = {}) {
  const name = "validate" + method.split(/[.-]/).map((w) => w[0].toUpperCase() + w.slice(1)).join("") + "Params";
  const validate = protocol[name];
  if (validate && !validate(params)) {
    throw new Error(`${name}: ${protocol.formatValidationErrors(validate.errors)}`);
  }
  return g.client.request(method, params);
}

await check("connect without a device", async () => {
  const backend = await connect({ token, clientName: "gateway-client", mode: "backend" });
  expect(backend.hello.protocol === 4, "protocol", backend.hello.protocol);
  await backend.client.stopAndWait();
});

await check("connect pairs a new device", async () => {
  g = await connect({ token, deviceIdentity: identity });
  expect(g.hello.protocol === 4, "protocol", g.hello.protocol);
  expect(g.hello.auth.deviceToken, "no device token in", g.hello.auth);
  expect(kept.size === 1, "the client kept no device token");
});

await check("connect with the device token alone", async () => {
  await g.client.stopAndWait();
  g = await connect({ deviceIdentity: identity });
  expect(g.hello.auth.role === "operator", g.hello.auth);
});

await check("connect as other clients do", async () => {
  for (const [options, role] of [
    [{ mode: "probe", clientName: "openclaw-probe", minProtocol: 3 }, "operator"],
    [{ mode: "webchat", clientName: "openclaw-control-ui", origin: process.env.CARAPACE_URL.replace("ws:", "http:") }, "operator"],
    [{ token: undefined, password: token }, "operator"],
  ]) {
    const other = await connect({ token, deviceIdentity: newIdentity(), ...options });
    expect(other.hello.protocol === 4 && other.hello.auth.role === role, options, other.hello.auth);
    await other.client.stopAndWait();
  }
});

await check("a node is asked once, answers, fails, and says something", async () => {
  const c = await connect({ token, deviceIdentity: newIdentity() });
  const identity = newIdentity();
  const node = await connect({
    token, deviceIdentity: identity, role: "node", mode: "node", clientName: "node-host", scopes: [], platform: "linux",
    caps: ["system"], commands: ["system.which"], permissions: { exec: true },
  });
  const nodeId = identity.deviceId;
  try {
    const list = await c.call("node.list");
    const row = list.nodes.find((n) => n.nodeId === nodeId);
    expect(row?.connected && row.paired && row.approvalState === "approved" && row.commands.includes("system.which"), list);
    const requests = () => node.heard.filter((e) => e.event === "node.invoke.request").map((e) => e.payload);
    const ask = (idempotencyKey) => c.call("node.invoke", { nodeId, command: "system.which", params: { bins: ["git"] }, idempotencyKey });
    const both = Promise.all([ask("once"), ask("once")]);
    const request = await until(() => requests()[0], "the node is asked");
    expect(request.paramsJSON === '{"bins":["git"]}', request);
    await node.call("node.invoke.result", { id: request.id, nodeId, ok: true, payloadJSON: '{"bins":{}}' });
    for (const answer of await both) {
      expect(answer.ok && answer.payloadJSON === '{"bins":{}}' && JSON.stringify(answer.payload) === '{"bins":{}}', answer);
    }
    expect(requests().length === 1, "it was asked again", requests());
    const failing = refusal(ask("fails"));
    const second = await until(() => requests()[1], "the node is asked again");
    await node.call("node.invoke.result", { id: second.id, nodeId, ok: false, error: { code: "DENIED", message: "not today" } });
    const e = await failing;
    expect(e.code === "UNAVAILABLE" && e.message.includes("not today") && e.details.nodeError.code === "DENIED", e);
    const said = await node.call("node.event", { event: "voice.transcript", payload: { text: "what is 17*23?" } });
    expect(said.handled, said);
    await until(() => c.heard.some((h) => h.event === "chat" && h.payload.state === "final" && JSON.stringify(h.payload).includes("391")), "what was said is answered");
    const refused = await refusal(node.call("node.list"));
    expect(refused.message.includes("unauthorized role: node"), refused);
    await c.call("node.pair.remove", { nodeId });
    expect((await c.call("node.list")).nodes.every((n) => n.nodeId !== nodeId), "the node is still there");
  } finally {
    await node.client.stopAndWait();
    await c.client.stopAndWait();
  }
});

await check("a device comes in by a setup code, and no other by the same", async () => {
  const c = await connect({ token, deviceIdentity: newIdentity() });
  try {
    const code = await c.call("device.pair.setupCode", { publicUrl: "wss://chat.example.org" });
    const { bootstrapToken } = JSON.parse(Buffer.from(code.setupCode, "base64url").toString());
    const phone = { bootstrapToken, role: "node", scopes: [], mode: "node", clientName: "openclaw-ios", deviceIdentity: newIdentity() };
    const first = await connect(phone);
    expect(first.hello.auth.deviceTokens[0].role === "operator", first.hello.auth);
    await until(() => c.heard.some((e) => e.event === "device.pair.setup.completed" && e.payload.setupId === code.setupId), "the device is announced");
    await first.client.stopAndWait();
    const again = await connect({ ...phone, bootstrapToken: undefined });
    await again.client.stopAndWait();
    const e = await refusal(connect({ ...phone, deviceIdentity: newIdentity() }));
    expect(e.details?.code === "AUTH_BOOTSTRAP_TOKEN_INVALID", e);
    expect((await c.call("device.pair.setupStatus", { setupId: code.setupId })).completion.access === "full", "what became of the code is not known");
  } finally {
    await c.client.stopAndWait();
  }
});

await check("connect with a wrong token", async () => {
  const e = await refusal(connect({ token: "wrong", deviceIdentity: newIdentity() }));
  expect(e.details?.code === "AUTH_TOKEN_MISMATCH", e);
});

await check("connect with a future protocol", async () => {
  const e = await refusal(connect({ token, minProtocol: 5, maxProtocol: 6 }));
  expect(e.details?.code === "PROTOCOL_MISMATCH" && e.details.expectedProtocol === 4, e);
});

await check("health", async () => {
  const health = await call("health");
  expect(health.ok === true && health.defaultAgentId === "main", health);
});

await check("status", async () => {
  const status = await call("status", { includeChannelSummary: false });
  expect(typeof status.sessions?.count === "number", status);
});

await check("system-presence", async () => {
  const rows = await call("system-presence");
  expect(rows.some((row) => row.deviceId === identity.deviceId), "this device is not there:", rows);
});

await check("agents.list", async () => {
  const { agents, defaultId } = await call("agents.list");
  expect(agents.some((a) => a.id === defaultId && a.model?.primary), agents);
});

await check("agent.identity.get", async () => expect((await call("agent.identity.get", { agentId: "main" })).agentId === "main"));

await check("models.list", async () => expect((await call("models.list")).models.length > 0, "no models"));

// What newer clients ask beside what the package knows.
await check("parameters of newer clients", async () => {
  const { models } = await g.client.request("models.list", { sessionKey: "main" });
  expect(models.length > 0, "no models");
  await g.client.request("sessions.list", { excludeSubagents: true, includeActivitySummary: true, hasBoard: false });
  await g.client.request("chat.history", { sessionKey: "main", maxBytes: 100_000 });
});

await check("channels.status", async () => expect((await call("channels.status", { probe: false })).ts > 0));

await check("channels.pairing.list", () => call("channels.pairing.list"));

await check("chat.send streams, calls a tool and ends", async () => {
  const events = await ask("main", "what is 17*23?");
  const { state, message, runId } = events.at(-1);
  expect(state === "final" && textOf(message).includes("391"), events.at(-1));
  expect(streamed(events) !== "" && textOf(message).startsWith(streamed(events)), streamed(events));
  const streams = g.heard.filter((e) => e.event === "agent" && e.payload.runId === runId).map((e) => e.payload.stream);
  expect(["lifecycle", "assistant", "tool"].every((s) => streams.includes(s)), "agent streams:", streams);
  const again = await call("chat.send", { sessionKey: "main", message: "what is 17*23?", idempotencyKey: runId });
  expect(again.status === "ok", "sent again:", again);
});

await check("agent answers twice", async () => {
  const final = await g.client.request("agent", { message: "what is 6*7?", sessionKey: "agent:main:two", idempotencyKey: randomUUID() }, { expectFinal: true });
  expect(final.status === "ok" && JSON.stringify(final.result).includes("42"), final);
  const waited = await call("agent.wait", { runId: final.runId, timeoutMs: 1000 });
  expect(waited.status === "ok", waited);
});

await check("chat.history", async () => {
  const history = await call("chat.history", { sessionKey: "main", limit: 50 });
  const roles = history.messages.map((m) => m.role);
  expect(roles[0] === "user" && roles.at(-1) === "assistant", roles);
  expect(history.sessionId && history.deltaCursor, history);
  const runId = history.messages[0].runId;
  expect(runId && history.messages[0].idempotencyKey === `${runId}:user`, history.messages[0]);
  const told = g.heard.filter((e) => e.event === "session.message" && e.payload.sessionKey === "agent:main:main").map((e) => e.payload.messageId);
  expect(history.messages.every((m) => told.includes(m.id)), "messages that were not told:", told);
  const delta = await call("chat.history", { sessionKey: "main", cursor: history.deltaCursor });
  expect(delta.kind === "delta" && delta.messages.length === 0, delta);
});

// The client's own model of a conversation: what was sent, what was heard and what the history says have
// to become one list without a message twice.
await check("chat in the client's projection", async () => {
  const sessionKey = "agent:main:projection";
  let shown = createSessionProjection({ sessionKey });
  const asked = ["what is 2*3?", "what is 3*3?"];
  for (const text of asked) {
    const message = { role: "user", content: [{ type: "text", text }] };
    const events = await ask(sessionKey, text, (runId) => {
      shown = reduceSessionProjection(shown, { type: "sendPending", runId, idempotencyKey: runId, message: { ...message, idempotencyKey: runId } });
    });
    for (const event of events) {
      shown = reduceSessionProjectionRunEvent(shown, event)?.projection ?? shown;
    }
    expect(shown.runs[events.at(-1).runId].status === "completed", shown.runs);
    const { messages } = await call("chat.history", { sessionKey });
    shown = reduceSessionProjection(shown, { type: "snapshotLoaded", messages });
  }
  const said = shown.messages.filter((m) => m.role === "user").map((m) => m.content[0].text);
  expect(said.join() === asked.join(), "the user's messages:", said);
  expect(shown.messages.at(-1).role === "assistant" && !shown.entries.some((e) => e.pending), shown.messages);
});

await check("chat.inject", async () => {
  await call("chat.inject", { sessionKey: "main", message: "noted", label: "interop" });
  await until(() => g.heard.find((e) => e.event === "chat" && e.payload.runId.startsWith("inject-")), "the injected message");
});

await check("sessions.list", async () => {
  const { sessions, count } = await call("sessions.list", { limit: 10, includeDerivedTitles: true, includeLastMessage: true });
  expect(count >= 2 && sessions.some((s) => s.key === "agent:main:main"), sessions);
});

await check("sessions.subscribe", async () => {
  expect((await call("sessions.subscribe")).subscribed === true);
  const { subscribed, list } = await call("sessions.subscribe", { limit: 1 });
  expect(subscribed && list.sessions.length === 1, list);
  await call("sessions.patch", { key: "main", label: "heard" });
  await until(() => g.heard.find((e) => e.event === "sessions.changed" && e.payload.reason === "patch"), "sessions.changed");
});

await check("sessions.describe", async () => {
  const { session } = await call("sessions.describe", { key: "main", includeLastMessage: true });
  expect(session.key === "agent:main:main" && session.status === "done", session);
  expect((await call("sessions.describe", { key: "agent:main:never" })).session === null, "a session that is not there");
});

await check("sessions.resolve, patch, preview, reset, delete", async () => {
  const key = "agent:main:two";
  expect((await call("sessions.resolve", { key })).key === key);
  expect((await call("sessions.patch", { key, label: "second" })).ok);
  expect((await call("sessions.resolve", { label: "second" })).key === key);
  expect((await call("sessions.preview", { keys: [key] })).previews[0].status === "ok");
  expect((await call("sessions.reset", { key })).ok);
  expect((await call("sessions.delete", { key })).deleted);
});

await check("cron", async () => {
  const job = await call("cron.add", {
    name: "tea", schedule: { kind: "every", everyMs: 3_600_000 }, sessionTarget: "isolated", wakeMode: "now",
    payload: { kind: "agentTurn", message: "what is 2*3?" }, delivery: { mode: "none" },
  });
  const at = await call("cron.add", {
    name: "once", schedule: { kind: "at", at: new Date(Date.now() + 3_600_000).toISOString() }, sessionTarget: "main", wakeMode: "now",
    payload: { kind: "systemEvent", text: "tea" },
  });
  const { jobs, snapshotRevision, nextOffset } = await call("cron.list", { includeDisabled: true, limit: 200, offset: 0 });
  expect(snapshotRevision && nextOffset === null, "the page's place:", snapshotRevision, nextOffset);
  expect([job.id, at.id].every((id) => jobs.some((j) => j.id === id)), jobs);
  expect((await call("cron.list", { agentId: "main" })).jobs.length === 2, "jobs without an agent are the default one's");
  expect((await call("cron.get", { id: job.id })).name === "tea");
  expect((await call("cron.status")).jobs === 2);
  expect((await call("cron.update", { id: job.id, patch: { name: "coffee" } })).name === "coffee");
  const run = await call("cron.run", { id: job.id, mode: "force" });
  expect(run.ok === true, run);
  await until(() => g.heard.find((e) => e.event === "cron" && e.payload.jobId === job.id && e.payload.action === "finished"), "the run's end");
  const { entries } = await call("cron.runs", { id: job.id });
  expect(entries.length === 1 && entries[0].status === "ok", entries);
  for (const { id } of [job, at]) {
    expect((await call("cron.remove", { id })).removed === true, "remove", id);
  }
});

await check("device.pair.list", async () => {
  const { paired } = await call("device.pair.list");
  expect(paired.some((d) => d.deviceId === identity.deviceId), paired);
});

await check("device.token.rotate", async () => {
  const other = newIdentity();
  const second = await connect({ token, deviceIdentity: other });
  await second.client.stopAndWait();
  expect((await call("device.token.rotate", { deviceId: other.deviceId, role: "operator" })).deviceId === other.deviceId);
  expect((await call("device.pair.remove", { deviceId: other.deviceId })).deviceId === other.deviceId);
});

await check("logs.tail", async () => {
  const lines = (await call("logs.tail", { limit: 50 })).lines.map((line) => JSON.parse(line));
  expect(lines.length > 0 && lines.every((line) => line.time && line._meta.logLevelName && JSON.parse(line["0"]).subsystem), lines);
});

await check("config.get", async () => {
  expect(!JSON.stringify(await call("config.get")).includes(token), "the token is shown");
});

await check("send to a channel that is not there", async () => {
  const e = await refusal(call("send", { to: "1", message: "x", channel: "nowhere", idempotencyKey: randomUUID() }));
  expect(e.code === "INVALID_REQUEST" && e.message.includes("nowhere"), e);
});

await check("an unknown method", async () => {
  const e = await refusal(g.client.request("board.get", {}));
  expect(e.code === "INVALID_REQUEST" && e.message === "unknown method: board.get", e);
});

await check("parameters that cannot be", async () => {
  for (const [method, params, says] of [
    ["chat.history", {}, "must have required property 'sessionKey'"],
    ["chat.history", { sessionKey: 1 }, "sessionKey"],
    ["chat.send", { sessionKey: "main", message: "x", idempotencyKey: "k", colour: "red" }, "colour"],
    ["cron.add", { name: "x" }, "schedule"],
    ["cron.get", { id: "nope" }, "nope"],
  ]) {
    const e = await refusal(g.client.request(method, params));
    expect(e.code === "INVALID_REQUEST" && e.message.includes(says), method, e);
  }
});

await check("a scope that is missing", async () => {
  const reader = await connect({ token, deviceIdentity: newIdentity(), scopes: ["operator.read"] });
  const e = await refusal(reader.client.request("cron.remove", { id: "x" }));
  await reader.client.stopAndWait();
  expect(e.code === "FORBIDDEN", e);
  const missing = protocol.readMissingScopeErrorDetails(e.details);
  expect(missing, "no details that the client can read:", e);
});

// From here on a model that does as it is told answers everybody.
const withModel = "agent:main:model";

await check("a model is connected", async () => {
  const baseUrl = await startModel();
  await call("plugins.configure", { id: "openai", config: { baseUrl, model: "m" }, secrets: { api_key: "sk-interop-0123456789" } });
  expect((await call("sessions.patch", { key: withModel, model: "openai/m" })).ok);
  const { models } = await call("models.list");
  expect(models.some((m) => m.provider === "openai" && m.id === "m"), models);
});

await check("chat.send streams in many pieces", async () => {
  const events = await ask(withModel, "count");
  const final = events.at(-1);
  expect(final.state === "final" && textOf(final.message).trim() === "1 2 3 4 5 6 7 8 9 10", final);
  expect(events.filter((p) => p.state === "delta").length > 1, "one delta only");
  expect(textOf(final.message).startsWith(streamed(events).trim()), "the deltas say", streamed(events));
});

await check("chat.abort", async () => {
  const events = await ask(withModel, "wait", async (runId) => {
    const { ok, aborted, runIds } = await call("chat.abort", { sessionKey: withModel, runId });
    expect(ok && aborted && runIds.includes(runId), runIds);
  });
  expect(events.at(-1).state === "aborted" && textOf(events.at(-1).message).startsWith("still 1"), events.at(-1));
  const { ok, aborted } = await call("chat.abort", { sessionKey: withModel });
  expect(ok && !aborted, "nothing ran, and it was aborted");
});

await check("a model that fails is told as an error", async () => {
  const last = (await ask(withModel, "fail")).at(-1);
  expect(last.state === "error" && last.errorMessage.includes("told to fail"), last);
});

await check("all that arrived", async () => {
  for (const name of ["connect.challenge", "health", "presence", "agent", "chat", "session.message", "cron", "device.pair.resolved"]) {
    expect(frames.events.has(name), "no event", name, "among", [...frames.events]);
  }
  expect(frames.wrong.length === 0, "frames that are wrong:", frames.wrong.length);
  const missed = checked.filter((method) => !frames.answers.has(method));
  expect(missed.length === 0, "no answer was checked of", missed);
  expect(gaps.length === 0, "the client saw gaps:", gaps);
});

await g?.client.stopAndWait();
process.exit(0);
