// What the functions of the module ask of the gateway, and the gateway for tests that answers them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PluginError, host, replay } from "../test/index.js";

const folder = mkdtempSync(join(tmpdir(), "carapace-module-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "plugin.json"), '{ "entry": "plugin.js" }');
writeFileSync(
  join(folder, "plugin.js"),
  `
import * as carapace from "carapace";
const say = (value) => ({ content: [{ kind: "json", text: JSON.stringify(value) ?? "undefined" }] });
export function toolInvoke({ name, args }) {
  const f = name.split(".").reduce((of, part) => of[part], carapace);
  try {
    return say(f(...args));
  } catch (error) {
    if (error instanceof carapace.PluginError) throw error;
    throw new Error("no PluginError: " + error);
  }
}
`,
);

const gateway = await host(folder, {
  config: { c: 1 },
  accounts: { home: { a: 1 } },
  credentials: { token: "t" },
  media: { m1: { mime: "text/plain", size: 3 } },
  kv: { b: "2" },
});
const call = (name, ...args) => {
  const { text } = gateway.plugin.toolInvoke({ name, args }).content[0];
  return text === "undefined" ? undefined : JSON.parse(text);
};

test("config and log", () => {
  assert.deepEqual([call("config.get"), call("config.get", "home")], [{ c: 1 }, { a: 1 }]);
  assert.throws(() => call("config.get", "nobody"), { code: "not_found", message: "there is no account nobody" });
  for (const level of ["debug", "info", "warn", "error"]) call(`log.${level}`, level);
  assert.deepEqual(
    gateway.log.map(({ level, message }) => level + message),
    ["debugdebug", "infoinfo", "warnwarn", "errorerror"],
  );
});

test("kv", () => {
  for (const key of ["a", "ab", ""]) assert.equal(call("kv.put", key, `v${key}`, 60_000), undefined);
  assert.deepEqual(
    [call("kv.get", "a"), call("kv.get", "none"), call("kv.keys"), call("kv.keys", "a"), call("kv.keys", "a", 1)],
    ["va", undefined, ["", "a", "ab", "b"], ["a", "ab"], ["a"]],
  );
  call("kv.delete", "a");
  call("kv.delete", "a");
  assert.equal(gateway.kv.has("a"), false);
  for (let n = 0; n < 1100; n++) gateway.kv.set(`n${n}`, "");
  assert.deepEqual([call("kv.keys", "n").length, call("kv.keys", "n", 5000).length], [100, 1000]);
});

test("credential, schedule, emit, progress, media", () => {
  assert.deepEqual([call("credential.has", "token"), call("credential.has", "other", "home")], [true, false]);
  assert.equal(call("schedule.set", { id: "j", at: 77 }), 77);
  assert.equal(call("schedule.set", { id: "k", every: 1000 }), undefined);
  call("schedule.cancel", "k");
  assert.deepEqual([...gateway.jobs], [["j", { id: "j", at: 77 }]]);
  call("emit", "done", { n: 1 });
  call("progress", "half");
  assert.deepEqual([gateway.emitted, gateway.progress], [[{ name: "done", payload: { n: 1 } }], ["half"]]);
  assert.deepEqual(call("media.stat", "m1"), { media: "m1", mime: "text/plain", size: 3 });
  assert.throws(() => call("media.stat", "m2"), { code: "not_found" });
  assert.deepEqual(
    [call("text", "x"), call("failed", "y")],
    [{ content: [{ kind: "text", text: "x" }] }, { content: [{ kind: "text", text: "y" }], failed: true }],
  );
});

test("http, with credentials where the contract has them", () => {
  assert.throws(() => call("http.request", { url: "https://h" }), { code: "forbidden" });
  let seen;
  gateway.http = (request) => {
    seen = request;
    return { status: 418, headers: { "X-A": ["1", "2"] }, text: "tea" };
  };
  const request = {
    id: "7",
    url: "https://h/bot{{credential:token}}/x?{{credential:token}}",
    text: "{{credential:token}}",
    headers: [{ name: "Authorization", value: "Bearer {{credential:token}}" }],
  };
  assert.deepEqual(call("http.request", request), {
    id: "7",
    status: 418,
    text: "tea",
    headers: [
      { name: "X-A", value: "1" },
      { name: "X-A", value: "2" },
    ],
  });
  assert.deepEqual(
    [seen.method, seen.url, seen.text, seen.headers],
    ["GET", "https://h/bott/x?{{credential:token}}", "{{credential:token}}", { authorization: "Bearer t" }],
  );
  call("http.request", { ...request, fill: true, method: "POST" });
  assert.deepEqual([seen.method, seen.url, seen.text], ["POST", "https://h/bott/x?t", "t"]);
  call("http.request", { url: "https://h", parts: [{ name: "p", bytes: "AP8=" }] });
  assert.deepEqual([...seen.parts[0].bytes], [0, 255]);
  assert.throws(() => call("http.request", { url: "https://h/{{credential:other}}" }), { code: "unauthorized" });
  gateway.http = () => ({ status: 0 });
  assert.throws(() => call("http.request", { url: "https://h" }), { code: "unavailable", message: "no response came" });
  gateway.http = () => {
    throw new PluginError("timeout", "slow", { retryable: true, retryAfter: 5 });
  };
  assert.throws(() => call("http.request", { url: "https://h" }), { code: "timeout", retryable: true, retryAfter: 5 });
  gateway.http = async () => ({});
  assert.throws(() => call("http.request", { url: "https://h" }), { message: /answer at once/ });
  assert.equal(call("http.header", [{ name: "x-a", value: "1" }], "X-A"), "1");
  assert.equal(call("http.header", [], "X-A"), "");
});

test("a function that the plugin lacks, and a file that does not compile", async () => {
  assert.throws(() => gateway.plugin.hookHandle(), {
    code: "not_found",
    message: "the plugin exports no function hookHandle",
  });
  await assert.rejects(host(join(folder, "none")), /ENOENT/);
  assert.throws(() => replay(folder), /ENOENT|no transcript/);
});
