import { JSException, QuickJS } from "quickjs-wasi";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Deadline } from "./deadline.js";
import { PluginError } from "./error.js";
import { prelude } from "./prelude.js";

const engine = new WebAssembly.Module(
  readFileSync(createRequire(import.meta.url).resolve("quickjs-wasi/quickjs.wasm")),
);

// Node's own stack has to hold it.
const maxStackSize = 256 << 10;

/** What a script threw, with where. */
const traced = ({ name, message, stack }) => `${name}: ${message}\n${stack ?? ""}`.trimEnd();

const nodeName = (algorithm) => algorithm.replace("-", "").toLowerCase();

/** An instance of a plugin that was bundled; what it throws has its trace in the sources. */
export async function started({ script, inSources, deadline }, gateway) {
  try {
    return await Instance.start(script, gateway, deadline);
  } catch (thrown) {
    if (thrown instanceof PluginError) thrown.stack = inSources(thrown.stack);
    throw thrown;
  }
}

/**
 * A script in the engine that the gateway has, behind the same prelude. What the script asks for, `gateway` answers: `call`
 * a function of the contract, with a value or by throwing a PluginError, `log` a line, `sleep` for milliseconds. Without
 * `sleep` a wait is over at once. A call that has not ended after `deadline` milliseconds is ended where it is, and the script
 * with it: each later call fails as that one did.
 */
export class Instance {
  #vm;
  #script;
  #gateway;
  #deadline;
  #ended; // what became of the call that took too long
  #rejected = new Map(); // what promises were rejected with that nobody handles, by the engine's pointers to them

  /** Rejects with a PluginError where the script throws, or does not end. */
  static async start(script, gateway, deadline = 10_000) {
    const instance = new Instance();
    instance.#deadline = new Deadline(deadline);
    instance.#vm = await QuickJS.create({
      wasm: engine,
      maxStackSize,
      interruptHandler: () => instance.#deadline.over(),
      onUnhandledRejection: (promise, reason, handled) => instance.#reject(promise, reason, handled),
    });
    instance.#gateway = gateway;
    instance.#offer();
    instance.#vm.evalCode(prelude(), "prelude.js").dispose();
    const { error, stack } = instance.#within("the start of the plugin", () => instance.#load(script));
    if (error) throw Object.assign(new PluginError(error.code, error.message), { stack });
    return instance;
  }

  /** Calls an export by its name in the contract, JSON in and out; what the plugin throws comes as `error`. */
  call(name, input) {
    return this.#ended ?? this.#within(name, () => this.#call(name, input));
  }

  #call(name, input) {
    let result = this.#run("__begin", name, input);
    while (result === null) {
      this.#inTime();
      this.#vm.executePendingJobs();
      result = this.#run("__step");
    }
    this.#vm.executePendingJobs();
    const unhandled = this.#unhandled();
    if (result[0] === "+") return unhandled ?? { output: result.slice(1) };
    const { stack, ...error } = JSON.parse(result.slice(1));
    return { error, stack };
  }

  #load(script) {
    try {
      this.#vm.evalCode(script, "__plugin.js").dispose();
      this.#vm.executePendingJobs();
    } catch (thrown) {
      if (!(thrown instanceof JSException)) throw thrown;
      return { error: { code: "unavailable", message: thrown.message }, stack: traced(thrown) };
    }
    this.#unhandled(); // nobody's call has failed by it
    return {};
  }

  /** What an action gives, or that it took too long, with where it was. */
  #within(name, action) {
    let result;
    this.#deadline.begin();
    try {
      result = action();
    } catch (thrown) {
      if (!this.#deadline.passed) throw thrown;
      result = { stack: traced(thrown) };
    } finally {
      this.#deadline.end();
    }
    if (!this.#deadline.passed) return result;
    const error = this.#deadline.error(name);
    this.#ended = { error, stack: `${error.message}\n${result.stack ?? ""}`.trimEnd() };
    return this.#ended;
  }

  #inTime() {
    if (this.#deadline.over()) throw new Error("interrupted");
  }

  /** The value of an expression, which is to be JSON. */
  evaluate(source) {
    return JSON.parse(this.#vm.withScope(() => this.#vm.evalCode(`JSON.stringify(${source})`).toString()));
  }

  #reject(promise, reason, handled) {
    const { exports } = this.#vm;
    const at = exports.qjs_get_value_ptr(promise.ptr);
    if (this.#rejected.has(at)) exports.qjs_free_value(this.#rejected.get(at).kept);
    this.#rejected.delete(at);
    if (handled) return;
    const [name, message, stack] = ["name", "message", "stack"].map((key) => this.#property(reason, key));
    const words = [name, message].filter((text) => text !== "").join(": ") || "the script threw something that is no error";
    this.#rejected.set(at, { words, stack, kept: exports.qjs_dup_value(promise.ptr) }); // so that no other promise comes there
  }

  /** The error of the first rejection that nobody has handled; each of them is logged. */
  #unhandled() {
    let first;
    for (const { words, stack, kept } of this.#rejected.values()) {
      const error = { code: "internal", message: `a promise was rejected, and nobody handles that: ${words}` };
      this.#gateway.log("error", `${error.message}\n${stack}`.trimEnd());
      first ??= { error, stack: `${words}\n${stack}` };
      this.#vm.exports.qjs_free_value(kept);
    }
    this.#rejected.clear();
    return first;
  }

  #property(value, key) {
    return this.#vm.withScope(() => {
      const vm = this.#vm;
      if (vm.typeof(value) !== "object") return key === "message" ? String(vm.dump(value)) : "";
      const property = vm.getProp(value, vm.newString(key));
      return vm.typeof(property) === "string" ? property.toString() : "";
    });
  }

  #run(name, ...texts) {
    const vm = this.#vm;
    return vm.withScope(() => {
      const result = vm.callFunction(
        vm.getProp(vm.global, vm.newString(name)),
        vm.undefined,
        ...texts.map((text) => vm.newString(text)),
      );
      return vm.typeof(result) === "string" ? result.toString() : null;
    });
  }

  #offer() {
    const ops = {
      call: (name, param) => this.#answer(name, param),
      log: (level, message) => this.#gateway.log(level, message) ?? "",
      sleep: (duration) => this.#gateway.sleep?.(Number(duration)) ?? "",
      random: (length) => randomBytes(Number(length)).toString("hex"),
      digest: (algorithm, data) => createHash(nodeName(algorithm)).update(data, "hex").digest("hex"),
      hmac: (algorithm, key, data) =>
        createHmac(nodeName(algorithm), Buffer.from(key, "hex")).update(data, "hex").digest("hex"),
    };
    const vm = this.#vm;
    const host = vm.newFunction("__host", (op, ...texts) => {
      this.#inTime();
      return vm.newString(ops[op.toString()](...texts.map((text) => text.toString())));
    });
    vm.setProp(vm.global, "__host", host);
  }

  #answer(name, param) {
    try {
      return JSON.stringify({ ok: this.#gateway.call(name, JSON.parse(param)) ?? null });
    } catch (reason) {
      if (typeof reason?.code !== "string") throw reason;
      const { code, message, retryable, retryAfter } = reason;
      return JSON.stringify({ error: { code, message, retryable, retryAfter } });
    }
  }
}
