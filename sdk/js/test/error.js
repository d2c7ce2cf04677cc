/** The contract's error, as a plugin throws it and a gateway answers it. */
export class PluginError extends Error {
  name = "PluginError";

  constructor(code, message, { retryable = false, retryAfter } = {}) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}
