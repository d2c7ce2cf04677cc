// A host for tests: it runs a plugin's plugin.wasm in node, as the gateway would, and answers what the test says.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

/** The contract's error: what a plugin's call fails with, and what a function of the test throws. */
export class PluginError extends Error {
  constructor(code, message, { retryable, retryAfter } = {}) {
    super(message);
    this.name = "PluginError";
    this.code = code;
    if (retryable) this.retryable = true;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}

/**
 * The plugin in a test's folder, in an instance of its own: `plugin.call("tool_invoke", { args: {} })` gives its answer, or
 * throws. `functions` answer what it asks of the gateway, by the names of the contract: `{ kv_get: ({ key }) => ({ value }) }`.
 * What it logs is in `log`.
 */
export async function host(place, functions = {}) {
  const log = [];
  const instance = await start(codeOf(place), (name, param) => {
    if (name === "log_write") return void log.push(param);
    if (!functions[name]) throw new PluginError("not_found", `the test has no function ${name}`);
    return functions[name](param);
  });
  return { log, call: (name, input = {}) => instance(name, input) };
}

/** Runs every transcript in testdata, each line in an instance of its own. CARAPACE_UPDATE=1 writes the answers that come. */
export function replay(place, folder = "testdata") {
  const code = codeOf(place);
  const dir = join(fileURLToPath(new URL(".", place)), folder);
  const files = readdirSync(dir).filter((name) => name.endsWith(".jsonl"));
  assert.notEqual(files.length, 0, `there is no transcript in ${dir}`);
  for (const file of files.sort()) {
    test(basename(file, ".jsonl"), async (t) => {
      const lines = readFileSync(join(dir, file), "utf8").split("\n").filter((line) => line.trim() !== "");
      const results = [];
      for (const [at, line] of lines.entries()) {
        const want = JSON.parse(line);
        await t.test(`line ${at + 1}: ${want.call}`, async () => {
          const got = await run(code, want);
          results.push({ call: want.call, input: want.input, host: want.host, ...got });
          if (process.env.CARAPACE_UPDATE !== "1") assert.deepEqual(got, { output: want.output, error: want.error });
        });
      }
      if (process.env.CARAPACE_UPDATE === "1" && results.length === lines.length)
        writeFileSync(join(dir, file), results.map((line) => JSON.stringify(line) + "\n").join(""));
    });
  }
}

async function run(code, want) {
  const rest = [...(want.host ?? [])];
  let unexpected;
  const call = await start(code, (name, param) => {
    if (name === "log_write") return undefined;
    const next = rest.shift();
    if (next?.call !== name || !isDeepStrictEqual(next.param, param)) {
      unexpected ??= `the transcript does not expect ${name} ${JSON.stringify(param)}`;
      throw new PluginError("internal", "not in the transcript");
    }
    if (next.error) throw new PluginError(next.error.code, next.error.message, next.error);
    return next.ok;
  });
  let output, error;
  try {
    output = call(want.call, want.input);
  } catch (thrown) {
    if (!(thrown instanceof PluginError)) throw thrown;
    error = toJSON(thrown);
  }
  assert.equal(unexpected, undefined);
  assert.equal(rest.length, 0, `${rest.length} expected host calls were not made, the first is ${rest[0]?.call}`);
  return { output, error };
}

function codeOf(place) {
  const folder = fileURLToPath(new URL(".", place));
  try {
    return new WebAssembly.Module(readFileSync(join(folder, "plugin.wasm")));
  } catch (error) {
    if (error.code === "ENOENT") throw new Error(`there is no plugin.wasm in ${folder}: build it first`);
    throw error;
  }
}

const toJSON = ({ code, message, retryable, retryAfter }) => ({
  code,
  message,
  ...(retryable && { retryable }),
  ...(retryAfter !== undefined && { retryAfter }),
});

/** Makes an instance. asked answers its calls of the gateway. */
async function start(module, asked) {
  const blocks = new Map();
  let last = 0n;
  let input = new Uint8Array(0);
  let output = input;
  let failure;
  let memory;

  const put = (bytes) => {
    last += 1n << 32n; // a block for each, whose bytes are behind its offset
    blocks.set(last, bytes);
    return last;
  };
  const at = (offset) => {
    const block = (offset >> 32n) << 32n;
    return [blocks.get(block), Number(offset - block)];
  };
  const block = (offset) => blocks.get(offset) ?? new Uint8Array(0);
  const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset);
  const guest = (from, length) => new Uint8Array(memory.buffer, from >>> 0, length >>> 0);
  const say = (level) => (offset) => void asked("log_write", { level, message: text(block(offset)) });

  const env = {
    alloc: (size) => put(new Uint8Array(Number(size))),
    free: (offset) => void blocks.delete(offset),
    length: (offset) => BigInt(block(offset).length),
    load_u8: (offset) => at(offset)[0][at(offset)[1]],
    load_u64: (offset) => view(at(offset)[0]).getBigUint64(at(offset)[1], true),
    store_u8: (offset, value) => void (at(offset)[0][at(offset)[1]] = value),
    store_u64: (offset, value) => view(at(offset)[0]).setBigUint64(at(offset)[1], value, true),
    input_length: () => BigInt(input.length),
    input_load_u8: (offset) => input[Number(offset)],
    input_load_u64: (offset) => view(input).getBigUint64(Number(offset), true),
    output_set: (offset, length) => void (output = block(offset).slice(0, Number(length))),
    error_set: (offset) => void (failure = offset === 0n ? undefined : text(block(offset))),
    config_get: () => 0n,
    log_debug: say("debug"),
    log_info: say("info"),
    log_warn: say("warn"),
    log_error: say("error"),
  };
  const copies = {
    read: (offset, to, length) => guest(to, length).set(block(offset).subarray(0, length)),
    write: (offset, from, length) => block(offset).set(guest(from, length)),
    input: (to, length) => guest(to, length).set(input.subarray(0, length)),
    output: (from, length) => void (output = guest(from, length).slice()),
  };
  const wasi = {
    random_get: (to, length) => (crypto.getRandomValues(guest(to, length)), 0),
    clock_time_get: (_id, _precision, to) => (new DataView(memory.buffer).setBigUint64(to, BigInt(Date.now()) * 1000000n, true), 0),
  };
  const answer = (name, offset) => {
    let said;
    try {
      said = { ok: asked(name, JSON.parse(text(block(offset)))) ?? null };
    } catch (error) {
      said = { error: error instanceof PluginError ? toJSON(error) : { code: "internal", message: error.message } };
    }
    return put(new TextEncoder().encode(JSON.stringify(said)));
  };

  const imports = { "extism:host/env": env, "carapace:host/memory": copies, wasi_snapshot_preview1: wasi, "extism:host/user": {} };
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from === "extism:host/user") imports[from][name] = (offset) => answer(name, offset);
    else if (!imports[from]?.[name]) throw new Error(`the plugin imports ${from} ${name}, which this host has not`);
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  memory = exports.memory;
  exports._initialize?.();

  return (name, param) => {
    if (typeof exports[name] !== "function") throw new Error(`the plugin exports no ${name}`);
    input = new TextEncoder().encode(JSON.stringify(param));
    output = new Uint8Array(0);
    failure = undefined;
    if (exports[name]() === 0) return JSON.parse(text(output));
    const error = JSON.parse(failure ?? '{"code":"internal"}');
    throw new PluginError(error.code, error.message, error);
  };
}

const text = (bytes) => new TextDecoder().decode(bytes);
