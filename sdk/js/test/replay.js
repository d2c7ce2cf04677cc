import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { bundle, folderOf } from "./bundle.js";
import { PluginError } from "./error.js";
import { started } from "./instance.js";

/** Errors that a plugin has not chosen, of which the place says more than the error. */
const mistakes = ["internal", "timeout"];

const updating = process.env.CARAPACE_UPDATE === "1";

/** Runs every transcript that matches a pattern such as `testdata/*.jsonl` in a plugin's folder, each as a test of its own. */
export function replay(place, pattern = "testdata/*.jsonl") {
  const folder = folderOf(place);
  const files = matching(folder, pattern);
  assert.notEqual(files.length, 0, `no transcript matches ${pattern} in ${folder}`);
  const plugin = bundle(folder);
  for (const file of files) {
    test(basename(file, ".jsonl"), async (t) => {
      const lines = readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => JSON.parse(line));
      const results = [];
      const player = new Player(plugin);
      for (const [at, want] of lines.entries()) {
        await t.test(`line ${at + 1}: ${want.call}`, async () => {
          const got = await player.play(want);
          results.push(got);
          if (!updating)
            assert.deepEqual({ output: got.output, error: got.error }, { output: want.output, error: want.error });
        });
      }
      if (updating && results.length === lines.length)
        writeFileSync(file, results.map((line) => JSON.stringify(line) + "\n").join(""));
    });
  }
}

/** The files that match a path with stars in its last part. */
function matching(folder, pattern) {
  const of = dirname(join(folder, pattern));
  const name = new RegExp(
    `^${basename(pattern)
      .split("*")
      .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  );
  return readdirSync(of)
    .filter((file) => name.test(file))
    .sort()
    .map((file) => join(of, file));
}

/** Makes the calls of a transcript: each in an instance of its own, but those of a service in the one that was started. */
class Player {
  #plugin; // as it was bundled
  #service;
  #rest = []; // the host calls that the line still expects
  #unexpected;

  constructor(plugin) {
    this.#plugin = plugin;
  }

  /** Makes a line's call, and gives the line with what came of it. */
  async play(want) {
    this.#rest = [...(want.host ?? [])];
    this.#unexpected = undefined;
    const instance = await this.#instance(want.call);
    const { output, error, stack } = instance.call(want.call, JSON.stringify(want.input));
    assert.equal(this.#unexpected, undefined);
    assert.equal(
      this.#rest.length,
      0,
      `${this.#rest.length} expected host calls were not made, the first is ${this.#rest[0]?.call}`,
    );
    if (mistakes.includes(error?.code) && !want.error)
      throw Object.assign(new Error(error.message), { stack: this.#plugin.inSources(stack) });
    return { call: want.call, input: want.input, host: want.host, output: output && JSON.parse(output), error };
  }

  async #instance(call) {
    if (this.#service && call.startsWith("service_") && call !== "service_start") return this.#service;
    const instance = await started(this.#plugin, { log() {}, call: (name, param) => this.#answer(name, param) });
    if (call === "service_start") this.#service = instance;
    return instance;
  }

  #answer(name, param) {
    const next = this.#rest.shift();
    if (next === undefined || next.call !== name || !isDeepStrictEqual(next.param, param)) {
      this.#unexpected ??= `the transcript does not expect ${name} ${JSON.stringify(param)}`;
      throw new PluginError("internal", "not in the transcript");
    }
    if (next.error) throw new PluginError(next.error.code, next.error.message, next.error);
    return next.ok;
  }
}
