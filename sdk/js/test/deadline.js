/** How long the calls of an instance may take, in milliseconds of the clock. Whether the last one took longer stays known. */
export class Deadline {
  passed = false;
  #within;
  #at;

  constructor(within) {
    this.#within = within;
    this.begin();
  }

  begin() {
    this.#at = performance.now() + this.#within;
  }

  /** Says whether the call should have ended. */
  over() {
    return (this.passed ||= performance.now() > this.#at);
  }

  /** The contract's error of a call that did not end. */
  error(name) {
    return { code: "timeout", message: `${name} did not answer within ${this.#within} ms` };
  }
}
