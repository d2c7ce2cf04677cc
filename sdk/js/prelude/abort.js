// AbortController and AbortSignal. A request that is under way cannot be stopped, for the kernel makes it while the plugin
// waits; AbortSignal.timeout bounds how long that is.

const ours = Symbol("ours");
let abort; // aborts a signal
let timeLeft; // until a signal aborts by itself

class AbortSignal {
  #listeners = new Set();
  #reason = undefined;
  #aborted = false;
  #deadline = Infinity;
  onabort = null;

  constructor(key, deadline = Infinity) {
    if (key !== ours) throw new TypeError("an AbortSignal comes from an AbortController");
    this.#deadline = deadline;
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }

  addEventListener(type, listener, options) {
    if (type === "abort" && listener) this.#listeners.add({ listener, once: Boolean(options?.once) });
  }

  removeEventListener(type, listener) {
    for (const entry of this.#listeners) {
      if (type === "abort" && entry.listener === listener) this.#listeners.delete(entry);
    }
  }

  static abort(reason) {
    const signal = new AbortSignal(ours);
    signal.#abort(reason);
    return signal;
  }

  static timeout(after) {
    const signal = new AbortSignal(ours, now() + after);
    setTimer(() => signal.#abort(timeoutError()), after, false, []);
    return signal;
  }

  static any(signals) {
    const all = [...signals];
    const signal = new AbortSignal(ours, Math.min(...all.map((one) => one.#deadline)));
    const first = all.find((one) => one.aborted);
    if (first) signal.#abort(first.reason);
    else for (const one of all) one.addEventListener("abort", () => signal.#abort(one.reason));
    return signal;
  }

  #abort(reason = new DOMException("this was aborted", "AbortError")) {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const event = { type: "abort", target: this, currentTarget: this };
    if (typeof this.onabort === "function") this.onabort(event);
    for (const entry of [...this.#listeners]) {
      if (entry.once) this.#listeners.delete(entry);
      if (typeof entry.listener === "function") entry.listener.call(this, event);
      else entry.listener.handleEvent(event);
    }
  }

  static {
    abort = (signal, reason) => signal.#abort(reason);
    timeLeft = (signal) => signal.#deadline - now();
  }
}

class AbortController {
  #signal = new AbortSignal(ours);

  get signal() {
    return this.#signal;
  }

  abort(reason) {
    abort(this.#signal, reason);
  }
}

function timeoutError() {
  return new DOMException("the time is up", "TimeoutError");
}

define({ AbortController, AbortSignal });
