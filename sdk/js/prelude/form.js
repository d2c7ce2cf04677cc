// Blob, File and FormData, as far as a request's body needs them.

let blobBytes; // what a blob holds

class Blob {
  #bytes;

  constructor(parts = [], { type = "" } = {}) {
    this.#bytes = join(
      [...parts].map((part) =>
        part instanceof Blob ? part.#bytes : typeof part === "object" ? view(part) : new TextEncoder().encode(part),
      ),
    );
    Object.defineProperty(this, "type", { value: String(type).toLowerCase(), enumerable: true });
  }

  get size() {
    return this.#bytes.length;
  }

  slice(start = 0, end = this.size, type = "") {
    return new Blob([this.#bytes.slice(start, end)], { type });
  }

  async bytes() {
    return this.#bytes.slice();
  }

  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }

  async text() {
    return utf8(this.#bytes);
  }

  static {
    blobBytes = (blob) => blob.#bytes;
  }
}

class File extends Blob {
  constructor(parts, name, { type = "", lastModified = Date.now() } = {}) {
    super(parts, { type });
    Object.defineProperties(this, {
      name: { value: String(name), enumerable: true },
      lastModified: { value: lastModified, enumerable: true },
    });
  }
}

class FormData {
  #entries = [];

  append(name, value, fileName) {
    this.#entries.push(entry(name, value, fileName));
  }

  set(name, value, fileName) {
    const at = this.#entries.findIndex(([other]) => other === String(name));
    if (at < 0) return this.append(name, value, fileName);
    this.#entries[at] = entry(name, value, fileName);
    this.#entries = this.#entries.filter(([other], index) => index <= at || other !== String(name));
  }

  get(name) {
    return this.getAll(name)[0] ?? null;
  }

  getAll(name) {
    return this.#entries.filter(([other]) => other === String(name)).map(([, value]) => value);
  }

  has(name) {
    return this.#entries.some(([other]) => other === String(name));
  }

  delete(name) {
    this.#entries = this.#entries.filter(([other]) => other !== String(name));
  }

  forEach(action, thisArg) {
    for (const [name, value] of this) action.call(thisArg, value, name, this);
  }

  *entries() {
    yield* this.#entries;
  }

  *keys() {
    for (const [name] of this.#entries) yield name;
  }

  *values() {
    for (const [, value] of this.#entries) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

function entry(name, value, fileName) {
  if (!(value instanceof Blob)) return [String(name), String(value)];
  if (value instanceof File && fileName === undefined) return [String(name), value];
  return [String(name), new File([value], fileName ?? "blob", { type: value.type })];
}

// partsOf is a form as the parts of a request.
function partsOf(form) {
  return [...form].map(([name, value]) => {
    if (typeof value === "string") return { name, text: value };
    return { name, bytes: blobBytes(value), fileName: value.name, contentType: value.type || undefined };
  });
}

define({ Blob, File, FormData });
