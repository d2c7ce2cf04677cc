// URLSearchParams: what a query holds, as pairs.

const inForm = "!\"#$%&'()+,/:;<=>?@[\\]^`{|}~";

let searchParamsOf; // the parameters of a URL, whose query follows them
let reread; // the parameters of a URL whose query has changed

class URLSearchParams {
  #list = [];
  #changed = () => {};

  constructor(init = "") {
    if (typeof init !== "object" || init === null) this.#list = pairs(String(init).replace(/^\?/, ""));
    else if (typeof init[Symbol.iterator] !== "function") this.#list = Object.entries(init).map(pair);
    else this.#list = [...init].map(pair);
  }

  get size() {
    return this.#list.length;
  }

  append(name, value) {
    this.#set([...this.#list, pair([name, value])]);
  }

  set(name, value) {
    const at = this.#list.findIndex(([other]) => other === String(name));
    if (at < 0) return this.append(name, value);
    this.#set(
      this.#list.with(at, pair([name, value])).filter(([other], index) => index <= at || other !== String(name)),
    );
  }

  get(name) {
    return this.#list.find(([other]) => other === String(name))?.[1] ?? null;
  }

  getAll(name) {
    return this.#list.filter(([other]) => other === String(name)).map(([, value]) => value);
  }

  has(name, value) {
    return this.#list.some((entry) => matches(entry, name, value));
  }

  delete(name, value) {
    this.#set(this.#list.filter((entry) => !matches(entry, name, value)));
  }

  sort() {
    this.#set(this.#list.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }

  forEach(action, thisArg) {
    for (const [name, value] of this) action.call(thisArg, value, name, this);
  }

  *entries() {
    for (const [name, value] of this.#list) yield [name, value];
  }

  *keys() {
    for (const [name] of this.#list) yield name;
  }

  *values() {
    for (const [, value] of this.#list) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toString() {
    return this.#list.map(([name, value]) => `${formText(name)}=${formText(value)}`).join("&");
  }

  #set(list) {
    this.#list = list;
    this.#changed(this.toString());
  }

  static {
    searchParamsOf = (query, changed) => {
      const params = new URLSearchParams(query);
      params.#list = pairs(query);
      params.#changed = changed;
      return params;
    };
    reread = (params, query) => {
      params.#list = pairs(query);
    };
  }
}

function pair(item) {
  const [name, value, ...more] = item;
  if (value === undefined || more.length > 0) throw new TypeError("a pair of a name and a value is expected");
  return [String(name).toWellFormed(), String(value).toWellFormed()];
}

const matches = ([other, item], name, value) =>
  other === String(name) && (value === undefined || item === String(value));

const pairs = (query) =>
  query
    .split("&")
    .filter(Boolean)
    .map((item) => {
      const at = item.indexOf("=");
      return at < 0 ? [formWord(item), ""] : [formWord(item.slice(0, at)), formWord(item.slice(at + 1))];
    });

const formText = (text) => percent(text, inForm).replaceAll(" ", "+");

// formWord reads what formText writes; a % that begins no byte stands for itself.
function formWord(text) {
  const spaced = text.replaceAll("+", " ").toWellFormed();
  if (!spaced.includes("%")) return spaced;
  const bytes = encodeURIComponent(spaced).replace(/%25([0-9A-Fa-f]{2})/g, "%$1");
  return utf8(Uint8Array.from(unescape(bytes), (character) => character.charCodeAt(0)));
}

define({ URLSearchParams });
