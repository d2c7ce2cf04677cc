/** How long the calls of an instance may take, in milliseconds of the clock, each from its begin. One that took longer stays known. */
export class Deadline {
  passed = false;
  #within;
  #at = Infinity; // what is done outside of calls takes its time

  constructor(within) {
    this.#within = within;
  }

  begin() {
    this.#at = performance.now() + this.#within;
  }

  end() {
    this.#at = Infinity;
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
