// How a call goes in and comes out, and that one leaves nothing for the next.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PluginError } from "../test/index.js";
import { inside, start } from "./start.mjs";

test("a value, a promise and nothing are answers", async () => {
  const instance = await start(`
    toolInvoke: (call) => ({ failed: call.name === "x" }),
    channelSend: async (send) => { await null; return { ids: [send.text] }; },
    hookHandle: () => {},
    sttTranscribe: async () => null,
    channelEdit: () => ({ then(resolve) { resolve({ ids: ["thenable"] }); } }),
  `);
  assert.deepEqual(instance.call("tool_invoke", '{"name":"x"}'), { output: '{"failed":true}' });
  assert.deepEqual(instance.call("channel_send", '{"text":"é🙂\\u0000"}'), { output: '{"ids":["é🙂\\u0000"]}' });
  assert.deepEqual(instance.call("hook_handle", "{}"), { output: "{}" });
  assert.deepEqual(instance.call("stt_transcribe", "{}"), { output: "{}" });
  assert.deepEqual(instance.call("channel_edit", "{}"), { output: '{"ids":["thenable"]}' });
});

test("what arrives is whole", async () => {
  const instance = await start(
    "channelSend: (x) => x, hookHandle: (x) => x, channelEvent: (x) => ({ x, bytes: x.message?.bytes instanceof Uint8Array }), toolInvoke: (x) => x",
  );
  const call = (name, input) => JSON.parse(instance.call(name, JSON.stringify(input)).output);
  assert.deepEqual(call("channel_send", { to: { id: "1" }, attachments: [{ mime: null }], more: 1 }), {
    account: "",
    config: null,
    to: { kind: "direct", id: "1" },
    text: "",
    attachments: [{ kind: "image" }],
    silent: false,
    idempotencyKey: "",
    state: null,
    actions: [],
    more: 1,
  });
  assert.deepEqual(call("hook_handle", { name: "message_sending", event: { to: "ann" } }).event, {
    to: "ann",
    channel: "",
    account: "",
    text: "",
  });
  assert.deepEqual(call("hook_handle", { name: "message_sending" }).event, {
    to: "",
    channel: "",
    account: "",
    text: "",
  });
  assert.deepEqual(call("hook_handle", { name: "of_tomorrow", event: 7 }).event, 7);
  assert.deepEqual(call("hook_handle", { name: "constructor", event: 7 }).event, 7);
  const { x, bytes } = call("channel_event", { kind: "message", message: { connection: "c", bytes: "AP8=" } });
  assert.equal(bytes, true);
  assert.deepEqual(x.message, { connection: "c", bytes: "AP8=", fill: false, base64: false, parts: [] });
  assert.equal(x.state, null);
  assert.equal(call("tool_invoke", { args: null }).args, null);
  assert.deepEqual(call("tool_invoke", { args: { name: null, __proto__: 1 } }).args, { name: null });
});

for (const [name, input, message] of [
  ["hook_handle", { name: "message_sending", event: { text: 7 } }, "event.text: expected a string"],
  ["channel_send", { attachments: [{}, { size: "1" }] }, "attachments[1].size: expected a number"],
  ["channel_send", { to: [] }, "to: expected an object"],
  ["channel_send", { attachments: {} }, "attachments: expected a list"],
  ["channel_event", { message: { bytes: "%" } }, "message.bytes: expected bytes in base64"],
  ["channel_send", [], "the input: expected an object"],
  ["channel_send", null, "the input: expected an object"],
]) {
  test(`refused: ${message}`, async () => {
    const instance = await start("channelSend: () => {}, hookHandle: () => {}, channelEvent: () => {}");
    const { error } = instance.call(name, JSON.stringify(input));
    assert.deepEqual(error, { code: "invalid", message });
  });
}

test("what is thrown", async () => {
  const instance = await start(`
    toolInvoke(call) {
      const { PluginError } = __carapace;
      switch (call.name) {
        case "plugin": throw new PluginError("rate_limited", "slowly", { retryable: true, retryAfter: 7 });
        case "later": return Promise.reject(new PluginError("conflict", "no"));
        case "mistake": return nothing.here;
        case "text": throw "a text";
        case "null": return Promise.reject(null);
        case "object": throw { code: "invalid", message: "mine" };
        case "list": return [];
        case "number": return Promise.resolve(7);
        case "cycle": { const cycle = {}; cycle.cycle = cycle; return cycle; }
        case "big": return { big: 1n };
        case "deep": { const deep = () => deep(); return deep(); }
        case "timeout": throw new DOMException("late", "TimeoutError");
        case "cause": throw new Error("outer", { cause: new RangeError("inner") });
      }
    }
  `);
  const thrown = (name) => instance.call("tool_invoke", JSON.stringify({ name }));
  assert.deepEqual(thrown("plugin").error, { code: "rate_limited", message: "slowly", retryable: true, retryAfter: 7 });
  assert.match(thrown("plugin").stack, /PluginError: slowly\n.*at toolInvoke \(__plugin\.js:/);
  assert.deepEqual(thrown("later").error, { code: "conflict", message: "no" });
  assert.deepEqual(thrown("mistake").error, { code: "internal", message: "nothing is not defined" });
  assert.deepEqual(thrown("text").error, { code: "internal", message: "it threw a text" });
  assert.deepEqual(thrown("null").error, { code: "internal", message: "it threw null" });
  assert.deepEqual(thrown("object").error, {
    code: "internal",
    message: 'it threw {"code":"invalid","message":"mine"}',
  });
  assert.deepEqual(thrown("list").error, { code: "internal", message: "toolInvoke returned a list and not a record" });
  assert.deepEqual(thrown("number").error, {
    code: "internal",
    message: "toolInvoke returned a number and not a record",
  });
  assert.match(thrown("cycle").error.message, /circular/);
  assert.equal(thrown("big").error.code, "internal");
  assert.match(thrown("deep").error.message, /stack/);
  assert.deepEqual(thrown("timeout").error, { code: "timeout", message: "late", retryable: true });
  assert.match(thrown("cause").stack, /Error: outer[^]*caused by RangeError: inner/);
});

test("what is missing or malformed", async () => {
  const instance = await start("toolInvoke: 7");
  assert.deepEqual(instance.call("tool_invoke", "{}").error, {
    code: "not_found",
    message: "the plugin exports no function toolInvoke",
  });
  assert.deepEqual(instance.call("no_such", "{}").error, {
    code: "not_found",
    message: "the plugin exports no function no_such",
  });
  assert.deepEqual(instance.call("toString", "{}").error.code, "not_found");
  const other = await start("toolInvoke: () => {}");
  assert.match(other.call("tool_invoke", '{"name":').error.message, /^the input is not JSON/);
  assert.equal(other.call("tool_invoke", '{"name":').error.code, "invalid");
});

test("timers run in the order of their times", async () => {
  const instance = await start(`
    toolInvoke: () => new Promise((resolve) => {
      const seen = [];
      setTimeout((x) => seen.push(x), 30, "late");
      setTimeout(() => seen.push("soon"));
      const gone = setTimeout(() => seen.push("gone"), 5);
      clearTimeout(gone);
      clearTimeout(undefined);
      let left = 3;
      const every = setInterval(() => { seen.push("tick"); if (--left === 0) clearInterval(every); }, 10);
      setTimeout(() => resolve({ seen }), 40);
    })
  `);
  const { output } = instance.call("tool_invoke", "{}");
  assert.deepEqual(JSON.parse(output).seen, ["soon", "tick", "tick", "late", "tick"]);
  const slept = instance.sleeps.reduce((sum, one) => sum + one, 0);
  assert.ok(slept <= 42 && instance.sleeps.every((one) => one > 0), `slept ${instance.sleeps}`);
});

test("a promise that nothing settles is an error, and so is a timer that throws", async () => {
  const instance = await start(`
    toolInvoke: () => new Promise(() => setTimeout(() => {}, 5)),
    hookHandle: () => new Promise(() => setTimeout(() => { throw new Error("in a timer"); })),
  `);
  assert.match(instance.call("tool_invoke", "{}").error.message, /^the promise of tool_invoke never settles/);
  assert.deepEqual(instance.call("hook_handle", "{}").error, { code: "internal", message: "in a timer" });
});

test("a wait that is refused ends the call", async () => {
  const instance = await start("toolInvoke: () => new Promise((resolve) => setTimeout(() => resolve({}), 5))");
  instance.sleeps.push = () => {
    throw new Error("no sleep in a pure call");
  };
  assert.equal(instance.call("tool_invoke", "{}").error.message, "no sleep in a pure call");
});

test("nothing of a call is left for the next", async () => {
  const instance = await start(`
    toolInvoke(call) {
      if (call.name === "leave") {
        setTimeout(() => console.log("left over"), 1);
        setInterval(() => console.log("left over"), 1);
        new Promise(() => {});
        return {};
      }
      if (call.name === "fail") { setTimeout(() => console.log("left over"), 1); throw new Error("failed"); }
      if (call.name === "pend") return new Promise((resolve) => { globalThis.late = resolve; });
      if (call.name === "late") { late({ failed: true }); }
      return new Promise((resolve) => setTimeout(() => resolve({ name: call.name }), 50));
    }
  `);
  const call = (name) => instance.call("tool_invoke", JSON.stringify({ name }));
  for (const name of ["leave", "fail", "pend"]) call(name);
  assert.deepEqual(call("late"), { output: '{"name":"late"}' });
  assert.deepEqual(call("next"), { output: '{"name":"next"}' });
  assert.deepEqual(instance.logs, []);
});

test("what a plugin asks of the gateway", async () => {
  const asked = [];
  const answer = (name, param) => {
    asked.push([name, param]);
    if (param.key === "forbidden") throw new PluginError("forbidden", "not yours", { retryAfter: 3 });
    return { kv_get: {}, http_request: { status: 204 }, log_write: undefined }[name];
  };
  const value = await inside(
    `
    const { call, PluginError } = __carapace;
    const out = [call("kv_get", { key: "a", bytes: new Uint8Array([1, 2, 3]) }), call("http_request", {}), call("log_write") === undefined, call("no_such")];
    try { call("kv_get", { key: "forbidden" }); } catch (e) { out.push(e instanceof PluginError, e instanceof Error, e.code, e.message, e.retryAfter, String(e), e); }
    return out;
  `,
    answer,
  );
  assert.deepEqual(asked[0], ["kv_get", { key: "a", bytes: "AQID" }]);
  assert.deepEqual(value, [
    {},
    { status: 204, id: "", headers: [] },
    true,
    null,
    true,
    true,
    "forbidden",
    "not yours",
    3,
    "PluginError: not yours",
    { code: "forbidden", message: "not yours", retryAfter: 3 },
  ]);
});

test("the prelude leaves nothing of its own in the global object", async () => {
  const instance = await start("");
  const names = new Set(instance.evaluate("Object.getOwnPropertyNames(globalThis)"));
  const web = [
    "console",
    "setTimeout",
    "setInterval",
    "clearTimeout",
    "clearInterval",
    "TextEncoder",
    "TextDecoder",
    "crypto",
    "CryptoKey",
    "structuredClone",
    "AbortController",
    "AbortSignal",
    "Blob",
    "File",
    "FormData",
    "Headers",
    "Request",
    "Response",
    "fetch",
    "URL",
    "URLSearchParams",
  ];
  const language = instance.evaluate(
    "[typeof btoa, typeof atob, typeof queueMicrotask, typeof DOMException, typeof performance.now]",
  );
  assert.deepEqual(language, Array(5).fill("function"));
  for (const name of web) assert.ok(names.delete(name), `${name} is missing`);
  assert.deepEqual([...names].filter((name) => name.startsWith("__")).sort(), [
    "__begin",
    "__carapace",
    "__host",
    "__plugin",
    "__step",
  ]);
  for (const name of ["__begin", "__step", "__host", "__carapace"]) {
    assert.equal(
      instance.evaluate(`(() => { "use strict"; try { ${name} = 1; return "changed"; } catch { return "kept"; } })()`),
      "kept",
      name,
    );
  }
  assert.equal(instance.evaluate("Object.keys(globalThis).join()"), "performance,__plugin");
});

test("a rejection that nobody handles is logged and fails the call; one that is handled in the end does not", async () => {
  const plugin = await start(`toolInvoke: async ({ name }) => {
      const failing = async () => { throw new TypeError("no such thing"); };
      if (name === "lost") failing();
      else if (name === "odd") Promise.reject("just so");
      else { const p = failing(); await null; await p.catch(() => 1); }
      return {};
    }`);
  const call = (name) => plugin.call("tool_invoke", JSON.stringify({ name }));
  const words = "a promise was rejected, and nobody handles that: ";
  for (let n = 0; n < 2; n++) {
    assert.deepEqual(call("lost").error, { code: "internal", message: words + "TypeError: no such thing" });
    assert.deepEqual(call("odd").error, { code: "internal", message: words + "just so" });
    assert.deepEqual(call("handled"), { output: "{}" });
  }
  const lines = plugin.logs.map(([level, line]) => [level, line.split("\n")[0]]);
  assert.deepEqual(lines.slice(0, 2), [
    ["error", words + "TypeError: no such thing"],
    ["error", words + "just so"],
  ]);
  assert.equal(lines.length, 4);
});
