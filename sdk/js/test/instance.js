import { QuickJS } from "quickjs-wasi";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { prelude } from "./prelude.js";

const engine = new WebAssembly.Module(
  readFileSync(createRequire(import.meta.url).resolve("quickjs-wasi/quickjs.wasm")),
);

// Node's own stack has to hold it.
const maxStackSize = 256 << 10;

const nodeName = (algorithm) => algorithm.replace("-", "").toLowerCase();

/**
 * A script in the engine that the gateway has, behind the same prelude. What the script asks for, `gateway` answers: `call`
 * a function of the contract, with a value or by throwing a PluginError, `log` a line, `sleep` for milliseconds. Without
 * `sleep` a wait is over at once.
 */
export class Instance {
  #vm;
  #script;
  #gateway;

  static async start(script, gateway) {
    const instance = new Instance();
    instance.#vm = await QuickJS.create({ wasm: engine, maxStackSize });
    instance.#gateway = gateway;
    instance.#offer();
    instance.#vm.evalCode(prelude(), "prelude.js").dispose();
    instance.#vm.evalCode(script, "__plugin.js").dispose();
    return instance;
  }

  /** Calls an export by its name in the contract, JSON in and out; what the plugin throws comes as `error`. */
  call(name, input) {
    let result = this.#run("__begin", name, input);
    while (result === null) {
      this.#vm.executePendingJobs();
      result = this.#run("__step");
    }
    this.#vm.executePendingJobs();
    if (result[0] === "+") return { output: result.slice(1) };
    const { stack, ...error } = JSON.parse(result.slice(1));
    return { error, stack };
  }

  /** The value of an expression, which is to be JSON. */
  evaluate(source) {
    return JSON.parse(this.#vm.withScope(() => this.#vm.evalCode(`JSON.stringify(${source})`).toString()));
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
    const host = vm.newFunction("__host", (op, ...texts) =>
      vm.newString(ops[op.toString()](...texts.map((text) => text.toString()))),
    );
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
