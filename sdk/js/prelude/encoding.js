// TextEncoder and TextDecoder, for UTF-8 alone. Both go through functions of the engine, which are faster than a loop.

class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    return Uint8Array.fromBase64(btoa(unescape(encodeURIComponent(String(text).toWellFormed()))));
  }

  encodeInto(text, target) {
    let read = 0;
    let written = 0;
    for (const character of String(text)) {
      const bytes = this.encode(character);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      read += character.length;
      written += bytes.length;
    }
    return { read, written };
  }
}

class TextDecoder {
  #rest = new Uint8Array();
  #begun = false;

  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(String(label).trim().toLowerCase())) {
      throw new RangeError(`the encoding ${label} is not there: only utf-8 is`);
    }
    Object.defineProperties(this, {
      encoding: { value: "utf-8" },
      fatal: { value: Boolean(fatal) },
      ignoreBOM: { value: Boolean(ignoreBOM) },
    });
  }

  decode(input = new Uint8Array(), { stream = false } = {}) {
    let bytes = join([this.#rest, view(input)]);
    const whole = stream ? complete(bytes) : bytes.length;
    this.#rest = bytes.slice(whole);
    bytes = bytes.subarray(0, whole);
    let text = utf8(bytes, this.fatal);
    if (!this.#begun && !this.ignoreBOM && text.startsWith("\ufeff")) text = text.slice(1);
    this.#begun = stream && (this.#begun || bytes.length > 0);
    if (!stream) this.#rest = new Uint8Array();
    return text;
  }
}

// view is the bytes of a buffer or of a view of one.
function view(input) {
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer || input instanceof SharedArrayBuffer) return new Uint8Array(input);
  throw new TypeError("bytes are expected: an ArrayBuffer or a view of one");
}

function join(pieces) {
  if (pieces.length === 2 && pieces[0].length === 0) return pieces[1];
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function utf8(bytes, fatal = false) {
  try {
    return decodeURIComponent(escape(atob(bytes.toBase64())));
  } catch {
    if (fatal) throw new TypeError("the bytes are not UTF-8");
  }
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const [code, length] = scalar(bytes, at);
    text += code < 0 ? "\ufffd" : String.fromCodePoint(code);
    at += length;
  }
  return text;
}

// scalar reads the character at a place: its code, -1 for none, and how many bytes that takes.
function scalar(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  const more =
    first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
  if (more === 0) return [-1, 1];
  let code = first & (0x3f >> more);
  for (let n = 1; n <= more; n++) {
    const next = bytes[at + n];
    const low = n > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = n > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (next === undefined || next < low || next > high) return [-1, n];
    code = (code << 6) | (next & 0x3f);
  }
  return [code, more + 1];
}

// complete is the length of what ends with a whole character, or with what will never be one.
function complete(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const at = bytes.length - back;
    if ((bytes[at] & 0xc0) === 0x80) continue;
    const [code, length] = scalar(bytes, at);
    return code < 0 && bytes[at] >= 0xc2 && bytes[at] <= 0xf4 && length === back ? at : bytes.length;
  }
  return bytes.length;
}

define({ TextEncoder, TextDecoder });
