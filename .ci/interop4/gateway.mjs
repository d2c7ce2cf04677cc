// Connects with the client that others publish for protocol 4, and holds every frame that arrives against
// the schemas that they publish with it.
import { generateKeyPairSync, createHash, createPublicKey, sign } from "node:crypto";
import { GatewayClient } from "@openclaw/gateway-client";
import { ProtocolSchemas as schemas } from "@openclaw/gateway-protocol/schema";
import { Compile } from "typebox/compile";
import WebSocket from "ws";

const url = process.env.CARAPACE_URL;
const token = process.env.CARAPACE_TOKEN;

function expect(condition, ...what) {
  if (!condition) {
    throw new Error(what.map((w) => (typeof w === "string" ? w : JSON.stringify(w))).join(" "));
  }
}

// --- schemas

const compiled = new Map();

function violations(schema, value) {
  if (!compiled.has(schema)) {
    compiled.set(schema, Compile(schema));
  }
  const validator = compiled.get(schema);
  if (validator.Check(value)) {
    return "";
  }
  const errors = [...validator.Errors(value)].slice(0, 6);
  return errors.map((e) => `${e.instancePath || "/"} ${e.message} ${JSON.stringify(e.params ?? {})}`).join("; ");
}

function conforms(name, value) {
  const schema = typeof name === "string" ? schemas[name] : name;
  expect(schema, "no schema", name);
  const wrong = violations(schema, value);
  expect(!wrong, `${typeof name === "string" ? name : "schema"}:`, wrong, "in", JSON.stringify(value).slice(0, 600));
}

// What each method's answer has to be. Methods that the package has no schema for are not listed.
const results = {
  health: (r) => conforms(schemas.Snapshot.properties.health, r),
  "system-presence": (r) => r.forEach((row) => conforms("PresenceEntry", row)),
  "agents.list": (r) => conforms("AgentsListResult", r),
  "agent.identity.get": (r) => conforms("AgentIdentityResult", r),
  "models.list": (r) => conforms("ModelsListResult", r),
  "channels.status": (r) => conforms("ChannelsStatusResult", r),
  "channels.pairing.list": (r) => conforms("ChannelsPairingListResult", r),
  "logs.tail": (r) => conforms("LogsTailResult", r),
  "sessions.list": (r) => r.sessions.forEach((row) => conforms("SessionRow", row)),
  "sessions.describe": (r) => r.session === null || conforms("SessionRow", r.session),
  "sessions.resolve": (r) => conforms("SessionsResolveResult", r),
  "sessions.delete": (r) => conforms("SessionsDeleteResult", r),
  "chat.history": (r) => r.kind === undefined || conforms("ChatHistoryCursorResult", r),
  "cron.add": (r) => conforms("CronAddResult", r),
  "cron.get": (r) => conforms("CronJob", r),
  "cron.update": (r) => conforms("CronJob", r),
  "cron.list": (r) => r.jobs.forEach((job) => conforms("CronJob", job)),
  "cron.runs": (r) => r.entries.forEach((entry) => conforms("CronRunLogEntry", entry)),
  "device.pair.list": (r) => r.pending.forEach((row) => conforms("DevicePairRequestedEvent", row)),
  "device.pair.setupCode": (r) => conforms("DevicePairSetupCodeResult", r),
  "device.pair.setupStatus": (r) => conforms("DevicePairSetupStatusResult", r),
  "device.token.rotate": (r) => conforms("DeviceTokenRotateResult", r),
  "node.event": (r) => conforms("NodeEventResult", r),
};

const checked = Object.keys(results);

const events = {
  "connect.challenge": (p) => expect(typeof p.nonce === "string" && Number.isInteger(p.ts), p),
  health: (p) => conforms(schemas.Snapshot.properties.health, p),
  presence: (p) => p.presence.forEach((row) => conforms("PresenceEntry", row)),
  tick: (p) => conforms("TickEvent", p),
  shutdown: (p) => conforms("ShutdownEvent", p),
  chat: (p) => conforms("ChatEvent", p),
  // The schema leaves out the two fields by which every client of it finds the conversation.
  agent: ({ sessionKey, agentId, ...p }) => {
    expect(sessionKey && agentId, "no sessionKey or agentId");
    conforms("AgentEvent", p);
  },
  "device.pair.requested": (p) => conforms("DevicePairRequestedEvent", p),
  "device.pair.setup.completed": (p) => conforms("DevicePairSetupCompletedEvent", p),
  "device.pair.resolved": (p) => conforms("DevicePairResolvedEvent", p),
  "node.invoke.request": (p) => conforms("NodeInvokeRequestEvent", p),
};

// --- frames: everything that arrives is checked before the client sees it

const frames = { answers: new Set(), events: new Set(), wrong: [] };
const waiting = new Map(); // request id → method
let greeted = null;

function inspect(text) {
  const frame = JSON.parse(text);
  conforms(frame.type === "res" ? "ResponseFrame" : "EventFrame", frame);
  if (frame.type === "event") {
    frames.events.add(frame.event);
    expect(!greeted || greeted.features.events.includes(frame.event), "an event that hello-ok does not list:", frame.event);
    events[frame.event]?.(frame.payload);
    return;
  }
  const method = waiting.get(frame.id);
  if (!frame.ok) {
    conforms("ErrorShape", frame.error);
    expect(frame.payload === undefined, "an error with a payload");
  } else if (method === "connect") {
    const { auth: { method: how, ...auth }, ...hello } = frame.payload; // method is newer than the schema
    expect(how, "how it was let in is not said");
    conforms("HelloOk", { ...hello, auth });
    greeted = frame.payload;
  } else {
    frames.answers.add(method);
    results[method]?.(frame.payload);
  }
}

const { send, emit } = WebSocket.prototype;
WebSocket.prototype.send = function (data, ...rest) {
  const frame = JSON.parse(String(data));
  waiting.set(frame.id, frame.method);
  return send.call(this, data, ...rest);
};
WebSocket.prototype.emit = function (name, data, ...rest) {
  if (name === "message") {
    try {
      inspect(String(data));
    } catch (error) {
      frames.wrong.push(`${error.message} <- ${String(data).slice(0, 300)}`);
    }
  }
  return emit.call(this, name, data, ...rest);
};

// --- connecting

function newIdentity() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "jwk" }).x;
  return {
    deviceId: createHash("sha256").update(Buffer.from(raw, "base64url")).digest("hex"),
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }),
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

const kept = new Map(); // device tokens, as a client keeps them on disk
const key = ({ deviceId, role }) => `${deviceId} ${role}`;
const hostDeps = {
  signDevicePayload: (pem, payload) => sign(null, Buffer.from(payload), pem).toString("base64url"),
  publicKeyRawBase64UrlFromPem: (pem) => createPublicKey(pem).export({ format: "jwk" }).x,
  storeDeviceAuthToken: (t) => kept.set(key(t), { token: t.token, scopes: t.scopes }),
  loadDeviceAuthToken: (t) => kept.get(key(t)) ?? null,
  clearDeviceAuthToken: (t) => kept.delete(key(t)),
};

const gaps = [];

function connect(options) {
  const hello = Promise.withResolvers();
  const heard = [];
  const client = new GatewayClient({
    url,
    scopes: ["operator.admin", "operator.approvals", "operator.pairing", "operator.read", "operator.write"],
    clientName: "openclaw-tui",
    mode: "ui",
    clientVersion: "2026.9.1",
    caps: ["tool-events"],
    hostDeps,
    onHelloOk: hello.resolve,
    onConnectError: hello.reject,
    onEvent: (event) => heard.push(event),
    onGap: (gap) => gaps.push(gap),
    ...options,
  });
  client.start();
  const timeout = setTimeout(() => hello.reject(new Error("no hello-ok within 20 s")), 20_000);
  return hello.promise
    .then((value) => ({ client, hello: value, heard, call: (method, params = {}) => client.request(method, params) }))
    .catch((error) => {
      client.stop();
      throw error;
    })
    .finally(() => clearTimeout(timeout));
}

async function until(condition, what) {
  const end = Date.now() + 20_000;
  for (;;) {
    const value = condition();
    if (value) {
      return value;
    }
    expect(Date.now() < end, "waited in vain for", what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { code: error.gatewayCode ?? error.code, message: error.message, details: error.details };
  }
  throw new Error("it was not refused");
}

export { checked, connect, expect, frames, gaps, kept, newIdentity, refusal, token, until };
