// The way in and out: the kernel calls __begin and __step, and what a plugin asks of the kernel goes through call.

const host = globalThis.__host;

// PluginError is the contract's error, from and to the kernel.
class PluginError extends Error {
  constructor(code, message, options = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    Error.captureStackTrace(this, PluginError);
    this.code = code;
    this.retryable = options.retryable ?? false;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }

  static from(error) {
    return new PluginError(error.code ?? "internal", error.message ?? "", error);
  }

  toJSON() {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable || undefined,
      retryAfter: this.retryAfter,
    };
  }
}
Object.defineProperty(PluginError.prototype, "name", { value: "PluginError", writable: true, configurable: true });

// Bytes are base64 in the contract's JSON.
Object.defineProperty(Uint8Array.prototype, "toJSON", {
  value() {
    return this.toBase64();
  },
  writable: true,
  configurable: true,
});

// call calls an import of the contract by its name.
function call(name, param) {
  const { ok, error } = JSON.parse(host("call", name, JSON.stringify(param ?? {})));
  if (error) throw PluginError.from(error);
  return name in answers ? fill(answers[name], ok ?? {}) : undefined;
}

// running is the call that waits for a promise; nothing of one call is left for the next.
let running = null;

function begin(name, input) {
  clearTimers();
  running = null;
  try {
    const output = exported(name)(fill(functions[name].takes, parse(input)));
    if (typeof output?.then === "function") return wait(name, output);
    const result = answer(name, output);
    clearTimers();
    return result;
  } catch (reason) {
    return finish(failure(reason));
  }
}

function wait(name, promise) {
  const current = { name, result: null };
  running = current;
  promise.then(
    (value) => {
      current.result = attempt(() => answer(name, value));
    },
    (reason) => {
      current.result = failure(reason);
    },
  );
  return null;
}

// step goes on with a call whose promise is pending, when no job is: with the next timer that is due.
function step() {
  if (running === null) return failure(new PluginError("internal", "no call is running"));
  if (running.result !== null) return finish(running.result);
  try {
    if (runTimer()) return null;
  } catch (reason) {
    return finish(failure(reason));
  }
  return finish(
    failure(
      new PluginError("internal", `the promise of ${running.name} never settles: nothing is left that it waits for`),
    ),
  );
}

function finish(result) {
  running = null;
  clearTimers();
  return result;
}

function exported(name) {
  const of = functions[name];
  const found = of && globalThis.__plugin?.[of.name];
  if (typeof found === "function") return found;
  throw new PluginError("not_found", `the plugin exports no function ${of ? of.name : name}`);
}

function parse(input) {
  try {
    return JSON.parse(input);
  } catch (reason) {
    throw new PluginError("invalid", `the input is not JSON: ${reason.message}`);
  }
}

// answer says an output; nothing is an empty record.
function answer(name, output) {
  if (output === undefined || output === null) return "+{}";
  if (typeof output === "object" && !Array.isArray(output)) return "+" + JSON.stringify(output);
  throw new PluginError(
    "internal",
    `${functions[name].name} returned ${Array.isArray(output) ? "a list" : `a ${typeof output}`} and not a record`,
  );
}

function attempt(action) {
  try {
    return action();
  } catch (reason) {
    return failure(reason);
  }
}

// failure says what was thrown. What is no PluginError is a mistake of the plugin, but for a time that ran out.
function failure(reason) {
  const error = { code: "internal", message: "", stack: trace(reason) };
  if (reason instanceof PluginError) Object.assign(error, reason.toJSON());
  else if (reason instanceof DOMException && reason.name === "TimeoutError")
    Object.assign(error, { code: "timeout", retryable: true });
  error.message = reason instanceof Error ? String(reason.message) : `it threw ${show(reason)}`;
  return "-" + JSON.stringify(error);
}

// trace is an error with where it was thrown and what caused it.
function trace(reason, depth = 0) {
  if (!(reason instanceof Error)) return "";
  const text = `${reason.name}: ${reason.message}\n${reason.stack ?? ""}`.trimEnd();
  return reason.cause === undefined || depth === 8
    ? text
    : `${text}\ncaused by ${trace(reason.cause, depth + 1) || show(reason.cause)}`;
}

function define(values, writable = true) {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, writable, configurable: writable, enumerable: false });
  }
}

define({ __host: host, __begin: begin, __step: step, __carapace: Object.freeze({ call, PluginError }) }, false);
