// A call that does not end is ended, and says where it was in the plugin's source.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { host } from "../test/index.js";
import { Instance } from "../test/instance.js";

const folder = mkdtempSync(join(tmpdir(), "carapace-deadline-"));
after(() => rmSync(folder, { recursive: true }));

function plugin(name, source, limits = { deadline: 300 }) {
  const place = join(folder, name.replaceAll(" ", "-"));
  mkdirSync(join(place, "testdata"), { recursive: true });
  writeFileSync(join(place, "plugin.json"), JSON.stringify({ entry: "plugin.ts", limits }));
  writeFileSync(join(place, "plugin.ts"), `import { kv } from "carapace";\n${source}`);
  writeFileSync(join(place, "testdata", "one.jsonl"), '{"call":"tool_invoke","input":{},"output":{}}\n');
  return place;
}

for (const [name, source, where] of [
  ["a loop", "let n = 0;\nconst spin = () => { for (;;) n++; };\nexport const toolInvoke = () => spin();", /at spin .plugin\.ts:3:.*\n.*at toolInvoke .plugin\.ts:4:/],
  ["a loop in a promise", "export async function toolInvoke() {\n  await null;\n  for (;;) Math.abs(1);\n}", /plugin\.ts:4:/],
  ["promises for ever", "export async function toolInvoke() {\n  for (;;) await null;\n}", /plugin\.ts:3:/],
  ["jobs that make jobs", "const again = () => Promise.resolve().then(again);\nexport const toolInvoke = () => again();", /did not answer/],
  ["timers for ever", "export const toolInvoke = () => new Promise(() => setInterval(() => {}, 10));", /did not answer/],
  ["asks and catches", "export function toolInvoke() {\n  for (;;) try { kv.get('a'); } catch {}\n}", /plugin\.ts:3:/],
  ["asks and answers", "export function toolInvoke() {\n  for (;;) try { kv.get('a'); } catch { return {}; }\n}", /did not answer/],
  ["catches", "export function toolInvoke() {\n  for (;;) try { for (;;) Math.abs(1); } catch {} finally { continue; }\n}", /at toolInvoke .plugin\.ts:/],
  ["a regular expression", "export const toolInvoke = () =>\n  /^(a|a)*$/.exec('a'.repeat(40) + 'b');", /plugin\.ts:3:/],
]) {
  test(`ended: ${name}`, async () => {
    const { plugin: called } = await host(plugin(name, source));
    for (const [n, at] of [where, where].entries()) {
      assert.throws(
        () => called.toolInvoke(),
        (error) => {
          assert.equal(`${error.code}: ${error.message}`, "timeout: tool_invoke did not answer within 300 ms", `call ${n}`);
          assert.match(error.stack, at);
          return true;
        },
      );
    }
  });
}

test("a start that does not end", async () => {
  await assert.rejects(host(plugin("start", "const spin = () => { for (;;) Math.abs(1); };\nspin();")), (error) => {
    assert.equal(`${error.code}: ${error.message}`, "timeout: the start of the plugin did not answer within 300 ms");
    assert.match(error.stack, /plugin\.ts:2:/);
    return true;
  });
});

test("a start that throws says where", async () => {
  await assert.rejects(host(plugin("throws", "\nthrow new TypeError('no such thing');")), (error) => {
    assert.equal(`${error.code}: ${error.message}`, "unavailable: no such thing");
    assert.match(error.stack, /^TypeError: no such thing\n.*plugin\.ts:3:/s);
    return true;
  });
});

test("a call that ends in time is no matter of how long the others took", async () => {
  const { plugin: called } = await host(
    plugin("many", "export function toolInvoke() { for (let n = 0; n < 1e4; n++) Math.abs(n); }", { deadline: 500 }),
  );
  const until = performance.now() + 600;
  while (performance.now() < until) assert.deepEqual(called.toolInvoke(), {});
});

test("what is done before and between calls takes its time", async () => {
  const instance = await Instance.start("var __plugin = {};", { call() {}, log() {} }, 1000);
  instance.call("tool_invoke", "{}");
  const until = performance.now() + 1100;
  while (performance.now() < until);
  assert.equal(instance.evaluate("(() => { let n = 0; for (; n < 1e5; n++) Math.abs(n); return n; })()"), 1e5);
});

test("a transcript's call that does not end fails with where it was", () => {
  const place = plugin("replayed", "export function toolInvoke() {\n  for (;;) Math.abs(1);\n}");
  const url = new URL("../test/index.js", import.meta.url);
  writeFileSync(join(place, "plugin.test.mjs"), `import { replay } from "${url}";\nreplay(import.meta.url);\n`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ["--test", join(place, "plugin.test.mjs")], { encoding: "utf8", env });
  assert.equal(status, 1);
  assert.match(stdout, /tool_invoke did not answer within 300 ms/);
  assert.match(stdout, /plugin\.ts:3:/);
});
