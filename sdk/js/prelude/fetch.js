// fetch and what belongs to it, over http_request. The kernel makes a request while the plugin waits, so that two requests
// never run at once, and a body is there as a whole.

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

class Headers {
  #list = [];

  constructor(init = []) {
    const pairs =
      init instanceof Headers ? init.#list : typeof init[Symbol.iterator] === "function" ? init : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name, value) {
    const trimmed = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    if (!token.test(name)) throw new TypeError(`${name} is no name of a header`);
    if (/[\0\r\n]/.test(trimmed)) throw new TypeError(`the value of ${name} holds a line end`);
    this.#list.push([String(name).toLowerCase(), trimmed]);
  }

  set(name, value) {
    this.delete(name);
    this.append(name, value);
  }

  get(name) {
    const values = this.#list.filter(([other]) => other === String(name).toLowerCase()).map(([, value]) => value);
    return values.length === 0 ? null : values.join(", ");
  }

  getSetCookie() {
    return this.#list.filter(([name]) => name === "set-cookie").map(([, value]) => value);
  }

  has(name) {
    return this.get(name) !== null;
  }

  delete(name) {
    this.#list = this.#list.filter(([other]) => other !== String(name).toLowerCase());
  }

  forEach(action, thisArg) {
    for (const [name, value] of this) action.call(thisArg, value, name, this);
  }

  *entries() {
    for (const name of [...new Set(this.#list.map(([other]) => other))].sort()) {
      if (name === "set-cookie") yield* this.getSetCookie().map((value) => [name, value]);
      else yield [name, this.get(name)];
    }
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toJSON() {
    return Object.fromEntries(this);
  }
}

let contentOf; // what a body that is not read yet holds

// Body is what requests and responses have in common. Its content is what http-request or http-response call text, bytes,
// parts and media.
class Body {
  #content;
  #used = false;

  constructor(content) {
    this.#content = content;
  }

  get body() {
    return null; // there are no streams
  }

  get bodyUsed() {
    return this.#used;
  }

  async text() {
    const content = this.#take();
    return content.text ?? (content.bytes ? utf8(content.bytes) : "");
  }

  async json() {
    return JSON.parse(await this.text());
  }

  async bytes() {
    const content = this.#take();
    return content.bytes ?? new TextEncoder().encode(content.text ?? "");
  }

  async arrayBuffer() {
    const bytes = await this.bytes();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  }

  async blob() {
    return new Blob([await this.bytes()], { type: this.headers.get("content-type") ?? "" });
  }

  #take() {
    if (this.#used) throw new TypeError("the body has been read already: clone() before");
    if (this.#content.parts) throw new TypeError("a form cannot be read");
    if (this.#content.media) {
      throw new PluginError(
        "too_large",
        `the body is too large to be read: it is the file ${this.#content.media} of the media store`,
      );
    }
    this.#used = true;
    return this.#content;
  }

  static {
    contentOf = (body) => {
      if (body.#used) throw new TypeError("the body has been read already");
      return body.#content;
    };
  }
}

// contentFrom turns what fetch takes for a body into what a request has, with the type that belongs to it.
function contentFrom(body) {
  if (body === undefined || body === null) return [{}, null];
  if (body instanceof URLSearchParams)
    return [{ text: String(body) }, "application/x-www-form-urlencoded;charset=UTF-8"];
  if (body instanceof FormData) return [{ parts: partsOf(body) }, null];
  if (body instanceof Blob) return [{ bytes: blobBytes(body) }, body.type || null];
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return [{ bytes: view(body).slice() }, null];
  return [{ text: String(body) }, "text/plain;charset=UTF-8"];
}

class Request extends Body {
  constructor(input, init = {}) {
    const from = input instanceof Request ? input : null;
    const [content, type] = init.body === undefined && from ? [contentOf(from), null] : contentFrom(init.body);
    super(content);
    const method = String(init.method ?? from?.method ?? "GET");
    const url = from ? from.url : input instanceof URL ? input.href : String(input);
    if (!/^https?:\/\/[^/]/i.test(url)) throw new TypeError(`${url} is no absolute URL of http or https`);
    if (!token.test(method)) throw new TypeError(`${method} is no method`);
    const shouted = method.toUpperCase();
    if ((shouted === "GET" || shouted === "HEAD") && Object.keys(content).length > 0)
      throw new TypeError(`a request with ${shouted} has no body`);
    this.url = url;
    this.method = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"].includes(shouted) ? shouted : method;
    this.headers = new Headers(init.headers ?? from?.headers);
    this.signal = init.signal ?? from?.signal ?? new AbortController().signal;
    this.fill = init.fill ?? from?.fill ?? false;
    if (type !== null && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }

  clone() {
    return new Request(this);
  }
}

class Response extends Body {
  constructor(body = null, { status = 200, statusText = "", headers } = {}) {
    const [content, type] = contentFrom(body);
    if (!(status >= 200 && status <= 599)) throw new RangeError(`${status} is no status of a response`);
    super(content);
    describe(this, { status, statusText, headers: new Headers(headers), url: "" });
    if (type !== null && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }

  get ok() {
    return this.status >= 200 && this.status <= 299;
  }

  clone() {
    return arrived(this, contentOf(this));
  }

  static json(data, init = {}) {
    const response = new Response(JSON.stringify(data), init);
    if (!new Headers(init.headers).has("content-type")) response.headers.set("content-type", "application/json");
    return response;
  }

  static error() {
    return arrived({ status: 0, statusText: "", headers: new Headers(), url: "" }, {});
  }
}

function describe(response, { status, statusText, headers, url }) {
  return Object.assign(response, { status, statusText, headers, url, redirected: false, type: "default" });
}

// arrived makes a response that a server gave, whose status may be any.
function arrived(facts, content) {
  const response = Reflect.construct(Body, [content], Response);
  return describe(response, {
    ...facts,
    status: facts.status,
    statusText: facts.statusText,
    headers: new Headers(facts.headers),
    url: facts.url,
  });
}

async function fetch(input, init) {
  const request = new Request(input, init);
  request.signal.throwIfAborted();
  const left = timeLeft(request.signal);
  try {
    const response = exchange({
      method: request.method,
      url: request.url.replace(/#.*$/s, ""),
      headers: [...request.headers].map(([name, value]) => ({ name, value })),
      ...contentOf(request),
      timeout: left === Infinity ? undefined : Math.max(1, Math.ceil(left)),
      fill: request.fill || undefined,
    });
    const { text, bytes, media } = response;
    return Object.assign(
      arrived(
        {
          status: response.status,
          statusText: "",
          headers: response.headers.map((h) => [h.name, h.value]),
          url: request.url,
        },
        { text, bytes, media },
      ),
      { media },
    );
  } catch (reason) {
    if (reason?.code === "timeout" && left !== Infinity) abort(request.signal, timeoutError());
    request.signal.throwIfAborted();
    throw reason;
  }
}

// exchange makes a request and gives its response, or throws why there is none.
function exchange(request) {
  const response = call("http_request", request);
  if (response.status !== 0) return response;
  throw response.error ? PluginError.from(response.error) : new PluginError("unavailable", "no response came");
}

define({ Headers, Request, Response, fetch });
