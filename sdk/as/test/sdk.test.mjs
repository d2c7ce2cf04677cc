import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PluginError, host } from "./index.js";

const probe = new URL("probe/", import.meta.url);
execFileSync(fileURLToPath(new URL("../node_modules/.bin/asc", import.meta.url)), { cwd: fileURLToPath(probe), stdio: "inherit" });

const plugin = (functions) => host(probe, functions);
const said = (output) => output.content[0].text;

test("a text is JSON or it is not", async () => {
  const { call } = await plugin();
  const good = ["{}", "[]", '"é\\u00e9\\n"', "-0.5e+3", "0", "null", '{"a":[1,{"b":null}],"":"\\"]}"}', "[".repeat(64) + "]".repeat(64)];
  for (const text of good) assert.equal(said(call("tool_invoke", { name: "parse", args: { text: ` ${text}\n` } })), text);
  const bad = ["", "{", "[1,]", '{"a":1,}', '{"a" 1}', "{a:1}", "01", "+1", "-", "1.", "1e", "nulL", "[}", "{} {}", '"\\x"', '"\\u00g0"', '"a\nb"', '"abc', "[".repeat(65) + "]".repeat(65)];
  for (const text of bad) assert.equal(said(call("tool_invoke", { name: "parse", args: { text } })), "none", text);
});

test("values arrive as they are", async () => {
  const { call } = await plugin();
  for (const text of ["", "a\"b\\c/\n\t\r\b\f\u0001", "déjà vu 🙂", "x".repeat(100_000)]) {
    const args = { text, int: "9007199254740993", float: -1.5e3 };
    assert.equal(said(call("tool_invoke", { name: "say", args })), `${text}|9007199254740993|-1500.0|text,int,float`);
  }
  assert.equal(said(call("tool_invoke", { name: "say" })), "|0|0.0|");
  assert.equal(said(call("tool_invoke", { name: "build" })), '{"t\\n":"é\\"\\\\","i":-3,"f":0.5,"list":[1,{"a":true}]}');
});

test("records go in and out", async () => {
  const { call } = await plugin();
  const bytes = [..."\u0000\u00ff*"].map((c) => Buffer.from(c, "latin1").toString("base64"));
  for (const b of [...bytes, "", "AAECAw=="]) {
    const frame = { connection: "c", bytes: b };
    const answer = call("channel_event", { kind: "message", message: { ...frame, unknown: [1] }, state: { n: [null] } });
    assert.deepEqual(answer, { state: { n: [null] }, close: ["a", "c"], frames: [frame] });
  }
  assert.deepEqual(call("channel_event", { kind: "closed", closed: { reason: "r", reopensAfter: 5 } }).timers, [{ id: "r", after: 5 }]);
  assert.deepEqual(call("channel_event", { kind: "closed", closed: { reason: "r", reopensAfter: null } }).timers, [{ id: "r", after: -1 }]);
  assert.deepEqual(call("channel_event", { kind: "of tomorrow", message: null }), {});
  assert.deepEqual(call("hook_handle", { name: "message_sending", event: { text: "a" } }), { modify: { text: "A" } });
});

test("what is of another kind is refused", async () => {
  const { call } = await plugin();
  assert.throws(() => call("tool_invoke", { name: 1 }), { code: "invalid", message: "name: expected a string" });
  assert.throws(() => call("tool_invoke", []), { code: "invalid", message: "json: expected an object" });
  assert.throws(() => call("hook_handle", { name: "message_sending", event: { text: 7 } }), { code: "invalid", message: "text: expected a string" });
  assert.throws(() => call("channel_event", { message: { bytes: "?" } }), { code: "invalid", message: "bytes: expected base64" });
  assert.throws(() => call("channel_event", { closed: { code: 1.5 } }), { code: "invalid", message: "code: expected a whole number" });
});

test("the gateway is asked", async () => {
  const kept = new Map();
  const { call, log } = await plugin({
    kv_get: ({ key }) => ({ value: kept.get(key) }),
    kv_put: ({ key, value }) => (kept.set(key, value), { ok: true }),
  });
  assert.equal(said(call("tool_invoke", { name: "count" })), "1");
  assert.equal(said(call("tool_invoke", { name: "count" })), "2");
  assert.deepEqual(log, Array(2).fill({ level: "info", message: "counted" }));
});

test("errors are the contract's", async () => {
  const refusal = { code: "rate_limited", message: "too often", retryable: true, retryAfter: 7 };
  const { call } = await plugin({
    kv_get() {
      throw new PluginError(refusal.code, refusal.message, refusal);
    },
  });
  assert.throws(() => call("tool_invoke", { name: "count" }), refusal);
  assert.equal(said(call("tool_invoke", { name: "despite" })), "despite rate_limited");
  assert.throws(() => call("tool_invoke", { name: "x" }), { code: "unavailable", message: "there is no x", retryable: true });
  assert.throws(() => call("tool_invoke", { name: "silent" }), { code: "internal" });
});

test("a throw ends the call and is logged with its place", async () => {
  const { call, log } = await plugin();
  assert.throws(() => call("tool_invoke", { name: "abort" }), WebAssembly.RuntimeError);
  assert.match(log[0].message, /^on purpose \(index\.ts:\d+:\d+\)$/);
});
