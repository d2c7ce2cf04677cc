// URL, after the WHATWG's standard for http, https, ws, wss and ftp. Others keep their text: the path of one without //
// is opaque. Names of hosts beyond ASCII are refused, for they need tables that are not here.

const ports = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443", "ftp:": "21" };

// What is written with % in each part, beside controls and what is beyond ASCII.
const inFragment = ' "<>`';
const inQuery = ' "#<>';
const inPath = inQuery + "?`{}^";
const inUser = inPath + "/:;=@[\\]|";

function percent(text, set) {
  let out = "";
  for (const character of text.toWellFormed()) {
    const code = character.codePointAt(0);
    if (code > 0x20 && code < 0x7f && !set.includes(character)) out += character;
    else if (code < 0x80) out += set.includes(character) || code < 0x20 || code === 0x7f ? hexed(code) : character;
    else out += encodeURIComponent(character);
  }
  return out;
}

const hexed = (code) => "%" + code.toString(16).toUpperCase().padStart(2, "0");

const invalidURL = (text, why) => new TypeError(`invalid URL ${JSON.stringify(text)}: ${why}`);

// parseURL gives the parts of a URL; base are those of another that it may be relative to.
function parseURL(source, base) {
  const text = source.replace(/^[\0-\x20]+|[\0-\x20]+$/g, "").replace(/[\t\n\r]/g, "");
  const [, head, hash] = /^([^#]*)(?:#(.*))?$/s.exec(text);
  const fragment = hash === undefined ? null : percent(hash, inFragment);
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/.exec(head);
  if (scheme === null) {
    if (!base) throw invalidURL(source, "it is relative, and there is no base");
    if (base.opaque !== undefined && (head !== "" || hash === undefined))
      throw invalidURL(source, "it is relative to one without a path");
    return { ...relative(head, base, source), fragment };
  }
  const protocol = scheme[0].toLowerCase();
  const rest = head.slice(scheme[0].length);
  if (protocol in ports) {
    if (base?.protocol === protocol && !rest.startsWith("//")) return { ...relative(rest, base, source), fragment };
    return { ...afterHost(protocol, rest.replace(/^[/\\]*/, ""), source), fragment };
  }
  if (rest.startsWith("//")) return { ...afterHost(protocol, rest.slice(2), source), fragment };
  const [path, query] = cutQuery(rest);
  const parts = {
    protocol,
    username: "",
    password: "",
    host: null,
    port: "",
    query: query === null ? null : percent(query, inQuery),
    fragment,
  };
  if (path.startsWith("/")) return { ...parts, path: normal(path, [], false) };
  return { ...parts, opaque: percent(path, "") };
}

// relative resolves what has no scheme.
function relative(text, base, source) {
  if (base.opaque !== undefined) return base;
  const special = base.protocol in ports;
  const forward = special ? text.replace(/^[^?]*/, (path) => path.replaceAll("\\", "/")) : text;
  if (forward.startsWith("//"))
    return afterHost(base.protocol, special ? forward.replace(/^\/*/, "") : forward.slice(2), source);
  const [path, query] = cutQuery(forward);
  const encoded = query === null ? null : percentQuery(query, special);
  if (path === "") return { ...base, query: query === null ? base.query : encoded };
  const from = path.startsWith("/") ? [] : base.path.slice(0, -1);
  return { ...base, path: normal(path, from, special), query: encoded };
}

const cutQuery = (text) => {
  const at = text.indexOf("?");
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
};

const percentQuery = (query, special) => percent(query, special ? inQuery + "'" : inQuery);

// afterHost reads what stands behind //.
function afterHost(protocol, text, source) {
  const special = protocol in ports;
  const end = text.search(special ? /[/\\?]/ : /[/?]/);
  const authority = end < 0 ? text : text.slice(0, end);
  const [path, query] = cutQuery(end < 0 ? "" : text.slice(end));
  const at = authority.lastIndexOf("@");
  const [user, ...password] = at < 0 ? [""] : authority.slice(0, at).split(":");
  const [, name, port] = /^(.*?)(?::([0-9]*))?$/s.exec(authority.slice(at + 1));
  if ((special && name === "") || (at >= 0 && name === "")) throw invalidURL(source, "the host is missing");
  return {
    protocol,
    username: percent(user, inUser),
    password: percent(password.join(":"), inUser),
    host: special ? hostName(name, source) : opaqueHost(name, source),
    port: portOf(port ?? "", protocol, source),
    path: path === "" && !special ? [] : normal(path, [], special),
    query: query === null ? null : percentQuery(query, special),
  };
}

function portOf(digits, protocol, source) {
  if (digits === "") return "";
  if (Number(digits) > 65535) throw invalidURL(source, `port ${digits} is more than 65535`);
  const port = String(Number(digits));
  return port === ports[protocol] ? "" : port;
}

// normal gives the segments of a path, behind those that it begins from.
function normal(path, from, special) {
  const segments = (special ? path.replaceAll("\\", "/") : path).replace(/^\//, "").split("/");
  const out = [...from];
  segments.forEach((segment, at) => {
    const last = at === segments.length - 1;
    const dots = segment.replace(/%2e/gi, ".");
    if (dots === "..") out.pop();
    else if (dots !== ".") return out.push(percent(segment, inPath));
    if (last) out.push("");
  });
  return out;
}

function opaqueHost(name, source) {
  if (name.startsWith("[")) return hostName(name, source);
  if (/[\0\t\n\r #/:<>?@[\\\]^|]/.test(name)) throw invalidURL(source, `the host ${name} holds what no host may`);
  return percent(name, "");
}

function hostName(name, source) {
  if (name.startsWith("[")) {
    if (!name.endsWith("]")) throw invalidURL(source, "a bracket is open");
    return `[${shortIPv6(parseIPv6(name.slice(1, -1), source))}]`;
  }
  let host = name;
  if (name.includes("%")) {
    host = utf8(Uint8Array.from(unescape(percent(name, "")), (character) => character.charCodeAt(0)));
  }
  if (/[^\0-\x7f]/.test(host)) throw invalidURL(source, `the host ${host} is not ASCII: write it in punycode (xn--…)`);
  host = host.toLowerCase();
  if (host === "" || /[\0-\x20#%/:<>?@[\\\]^|\x7f]/.test(host))
    throw invalidURL(source, `the host ${host} holds what no host may`);
  return endsInNumber(host) ? parseIPv4(host, source) : host;
}

function endsInNumber(host) {
  const labels = host.split(".");
  if (labels.at(-1) === "" && labels.length > 1) labels.pop();
  return /^([0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1));
}

// parseIPv4 reads an address in any of its forms: fewer than four numbers, octal, hexadecimal.
function parseIPv4(host, source) {
  const labels = host.split(".");
  if (labels.at(-1) === "") labels.pop();
  const numbers = labels.map((label) => {
    if (/^0x[0-9a-f]*$/.test(label)) return label === "0x" ? 0 : Number(label);
    if (/^0[0-7]*$/.test(label)) return Number.parseInt(label, 8);
    return /^[1-9][0-9]*$/.test(label) ? Number(label) : NaN;
  });
  const last = numbers.pop();
  if (numbers.length > 3 || numbers.some((n) => !(n <= 255)) || !(last < 256 ** (4 - numbers.length))) {
    throw invalidURL(source, `${host} is no IPv4 address`);
  }
  const value = numbers.reduce((sum, n, at) => sum + n * 256 ** (3 - at), last);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

function parseIPv6(text, source) {
  const wrong = () => invalidURL(source, `${text} is no IPv6 address`);
  let address = text;
  const four = /(?<=^|:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (four) {
    const bytes = four.slice(1).map(Number);
    if (bytes.some((n, at) => n > 255 || String(n) !== four[at + 1])) throw wrong();
    address =
      address.slice(0, four.index) +
      [bytes[0] * 256 + bytes[1], bytes[2] * 256 + bytes[3]].map((n) => n.toString(16)).join(":");
  }
  const halves = address.split("::");
  if (halves.length > 2) throw wrong();
  const [left, right] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const gap = 8 - left.length - (right?.length ?? 0);
  if (right === undefined ? gap !== 0 : gap < 1) throw wrong();
  const pieces = [...left, ...(right ? Array(gap).fill("0") : []), ...(right ?? [])];
  if (pieces.some((piece) => !/^[0-9a-f]{1,4}$/i.test(piece))) throw wrong();
  return pieces.map((piece) => Number.parseInt(piece, 16));
}

// shortIPv6 writes an address with its first longest run of zeros left out.
function shortIPv6(pieces) {
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (pieces[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = pieces.map((piece) => piece.toString(16));
  if (best.at < 0) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

class URL {
  #parts;
  #params = null;

  constructor(url, base) {
    this.#parts = parseURL(String(url), base === undefined ? undefined : parseURL(String(base)));
  }

  static canParse(url, base) {
    return URL.parse(url, base) !== null;
  }

  static parse(url, base) {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  }

  get href() {
    const p = this.#parts;
    const user = p.username + (p.password === "" ? "" : `:${p.password}`);
    const authority =
      p.host === null
        ? p.opaque === undefined && p.path[0] === "" && p.path.length > 1
          ? "/."
          : ""
        : `//${user === "" ? "" : `${user}@`}${this.host}`;
    return (
      p.protocol +
      authority +
      this.pathname +
      (p.query === null ? "" : `?${p.query}`) +
      (p.fragment === null ? "" : `#${p.fragment}`)
    );
  }

  set href(value) {
    this.#parts = parseURL(String(value));
    this.#refresh();
  }

  get origin() {
    const p = this.#parts;
    return p.protocol in ports ? `${p.protocol}//${this.host}` : "null";
  }

  get protocol() {
    return this.#parts.protocol;
  }

  set protocol(value) {
    const protocol = `${String(value).toLowerCase().replace(/:.*$/s, "")}:`;
    if (!/^[a-z][a-z0-9+.-]*:$/.test(protocol) || protocol in ports !== this.#parts.protocol in ports) return;
    this.#parts = { ...this.#parts, protocol, port: portOf(this.#parts.port, protocol, protocol) };
  }

  get username() {
    return this.#parts.username;
  }

  set username(value) {
    if (this.#parts.host) this.#parts.username = percent(String(value), inUser);
  }

  get password() {
    return this.#parts.password;
  }

  set password(value) {
    if (this.#parts.host) this.#parts.password = percent(String(value), inUser);
  }

  get host() {
    const { host, port } = this.#parts;
    return (host ?? "") + (port === "" ? "" : `:${port}`);
  }

  set host(value) {
    this.#change(`//${String(value).replace(/[/\\?#].*$/s, "")}`, ({ host, port }) => ({
      host,
      port: /:[0-9]+$/.test(value) ? port : this.port,
    }));
  }

  get hostname() {
    return this.#parts.host ?? "";
  }

  set hostname(value) {
    if (/^[^[]*:/.test(value)) return;
    this.#change(`//${String(value).replace(/[/\\?#].*$/s, "")}`, ({ host }) => ({ host }));
  }

  get port() {
    return this.#parts.port;
  }

  set port(value) {
    const digits = /^[0-9]*/.exec(String(value).replace(/[\t\n\r]/g, ""))[0];
    if (!this.#parts.host || Number(digits) > 65535 || (digits === "" && String(value) !== "")) return;
    this.#parts.port = portOf(digits, this.#parts.protocol, digits);
  }

  get pathname() {
    const { opaque, path } = this.#parts;
    return opaque ?? path.map((segment) => `/${segment}`).join("");
  }

  set pathname(value) {
    if (this.#parts.opaque !== undefined) return;
    const special = this.#parts.protocol in ports;
    const path = String(value)
      .replace(/[\t\n\r]/g, "")
      .replace(/[?#]/g, (mark) => hexed(mark.charCodeAt(0)));
    this.#parts.path = path === "" && !special ? [] : normal(path, [], special);
  }

  get search() {
    return this.#parts.query ? `?${this.#parts.query}` : "";
  }

  set search(value) {
    const query = String(value).replace(/[\t\n\r]/g, "");
    this.#parts.query = query === "" ? null : percentQuery(query.replace(/^\?/, ""), this.#parts.protocol in ports);
    this.#refresh();
  }

  get searchParams() {
    this.#params ??= searchParamsOf(this.#parts.query ?? "", (query) => {
      this.#parts.query = query === "" ? null : query;
    });
    return this.#params;
  }

  get hash() {
    return this.#parts.fragment ? `#${this.#parts.fragment}` : "";
  }

  set hash(value) {
    const fragment = String(value).replace(/[\t\n\r]/g, "");
    this.#parts.fragment = fragment === "" ? null : percent(fragment.replace(/^#/, ""), inFragment);
  }

  toString() {
    return this.href;
  }

  toJSON() {
    return this.href;
  }

  // change takes of another authority what take says; one that is malformed changes nothing, as setters do.
  #change(authority, take) {
    if (this.#parts.opaque !== undefined) return;
    try {
      Object.assign(this.#parts, take(parseURL(this.#parts.protocol + authority)));
    } catch {
      // the old one stays
    }
  }

  #refresh() {
    if (this.#params !== null) reread(this.#params, this.#parts.query ?? "");
  }
}

define({ URL });
