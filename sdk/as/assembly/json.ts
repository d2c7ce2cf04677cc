// JSON: what records are read from and written to, and values that have no type here.

import { fail } from "./abi";
import { Code } from "./contract";

/** How deep arrays and objects may nest. */
const maxDepth = 64;

/** What can be read and written. */
export interface Record {
  read(r: Reader): void;
  write(w: Writer): void;
}

/** A number that may be absent: `Boxed<i64> | null`. */
export class Boxed<T> {
  constructor(public value: T) {}
}

/**
 * A JSON value, or the absence of one: its text. It is looked into, not decoded: `args.get("city").text()`. What is missing,
 * or is of another kind than asked for, is the kind's zero, so a chain of calls needs no checks.
 */
export class Json {
  /** `raw` is one JSON value without white space around it; an empty one is absent. */
  constructor(public readonly raw: string = "") {}

  /** The value that a text is, null for a text that is not JSON. */
  static parse(text: string): Json | null {
    const r = new Reader(text);
    r.space();
    const from = r.at;
    if (!r.check(maxDepth)) return null;
    const to = r.at;
    r.space();
    return r.at == text.length ? new Json(text.substring(from, to)) : null;
  }

  /** Whether there is a value, and it is not null. */
  get exists(): bool {
    return this.raw.length > 0 && this.raw != "null";
  }

  private is(first: i32): bool {
    return this.raw.length > 0 && this.raw.charCodeAt(0) == first;
  }

  get isObject(): bool {
    return this.is(0x7b);
  }

  get isArray(): bool {
    return this.is(0x5b);
  }

  get isText(): bool {
    return this.is(0x22);
  }

  /** A field of an object: of several with one name the last. */
  get(name: string): Json {
    const r = new Reader(this.raw);
    let found = new Json();
    if (!this.isObject || !r.object()) return found;
    while (r.next()) {
      if (r.key == name) found = r.json();
      else r.skip();
    }
    return found;
  }

  /** The names of an object's fields. */
  keys(): string[] {
    const r = new Reader(this.raw);
    const names: string[] = [];
    if (!this.isObject || !r.object()) return names;
    while (r.next()) {
      names.push(r.key);
      r.skip();
    }
    return names;
  }

  /** The items of an array. */
  items(): Json[] {
    const r = new Reader(this.raw);
    const items: Json[] = [];
    if (!this.isArray || !r.array()) return items;
    while (r.item()) items.push(r.json());
    return items;
  }

  /** A string; of a number its digits, for platforms differ in how they write ids. */
  text(): string {
    if (this.isText) return new Reader(this.raw).text();
    return this.isNumber() ? this.raw : "";
  }

  /** A whole number; what is behind the point of another one is cut off. A string of digits counts too. */
  int(): i64 {
    const digits = this.text();
    if (digits.includes(".") || digits.includes("e") || digits.includes("E")) return <i64>parseFloat(digits);
    return digits.length > 0 ? i64.parse(digits) : 0;
  }

  float(): f64 {
    const digits = this.text();
    return digits.length > 0 ? parseFloat(digits) : 0;
  }

  bool(): bool {
    return this.raw == "true";
  }

  /** The record that the value is, such as the event of a hook; null where it is none, which is then the `failure()`. */
  to<T extends Record>(): T | null {
    const r = new Reader(this.raw);
    const record = r.record<T>();
    if (r.problem.length == 0) return record;
    fail(Code.invalid, r.problem);
    return null;
  }

  private isNumber(): bool {
    if (this.raw.length == 0) return false;
    const first = this.raw.charCodeAt(0);
    return first == 0x2d || (first >= 0x30 && first <= 0x39);
  }
}

/** An object under construction: `new JsonObject().text("city", city).int("days", 3).json()`. */
export class JsonObject {
  private writer: Writer = new Writer();

  constructor() {
    this.writer.open();
  }

  text(name: string, value: string): JsonObject {
    this.writer.key(name);
    this.writer.text(value);
    return this;
  }

  int(name: string, value: i64): JsonObject {
    this.writer.key(name);
    this.writer.number(value.toString());
    return this;
  }

  float(name: string, value: f64): JsonObject {
    this.writer.key(name);
    this.writer.float(value);
    return this;
  }

  bool(name: string, value: bool): JsonObject {
    this.writer.key(name);
    this.writer.bool(value);
    return this;
  }

  /** Adds a value that is JSON already; an absent one is left out. */
  raw(name: string, value: Json): JsonObject {
    if (value.raw.length > 0) {
      this.writer.key(name);
      this.writer.json(value);
    }
    return this;
  }

  /** The finished object. Nothing can be added after it. */
  json(): Json {
    this.writer.close();
    return new Json(this.writer.toString());
  }
}

/** An array of values. */
export function jsonArray(items: Json[]): Json {
  const raw = new Array<string>(items.length);
  for (let i = 0; i < items.length; i++) raw[i] = items[i].raw.length > 0 ? items[i].raw : "null";
  return new Json("[" + raw.join(",") + "]");
}

/** A list of records. */
export function readList<T extends Record>(r: Reader): T[] {
  const list: T[] = [];
  if (r.absent() || !r.array()) return list;
  while (r.item()) list.push(r.record<T>());
  return list;
}

/** Reads one JSON value, which has been checked, from front to back. What is of another kind than asked for is a problem. */
export class Reader {
  /** Where the next value begins. */
  at: i32 = 0;
  /** The field whose value comes next. */
  key: string = "";
  /** What was wrong first; empty while nothing was. */
  problem: string = "";

  constructor(private readonly source: string) {}

  private peek(): i32 {
    return this.at < this.source.length ? this.source.charCodeAt(this.at) : -1;
  }

  space(): void {
    for (let c = this.peek(); c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09; c = this.peek()) this.at++;
  }

  private expected(what: string): void {
    if (this.problem.length == 0) this.problem = (this.key.length > 0 ? this.key : "json") + ": expected " + what;
    this.skip();
  }

  /** Begins an object; its fields follow by next. */
  object(): bool {
    this.space();
    if (this.peek() != 0x7b) {
      this.expected("an object");
      return false;
    }
    this.at++;
    return true;
  }

  /** Goes to an object's next field, unless it has ended. */
  next(): bool {
    if (!this.more(0x7d)) return false;
    this.key = this.string();
    this.space();
    this.at++; // the colon
    return true;
  }

  /** Begins an array; its items follow by item. */
  array(): bool {
    this.space();
    if (this.peek() != 0x5b) {
      this.expected("an array");
      return false;
    }
    this.at++;
    return true;
  }

  /** Goes to an array's next item, unless it has ended. */
  item(): bool {
    return this.more(0x5d);
  }

  private more(end: i32): bool {
    this.space();
    if (this.peek() == 0x2c) {
      this.at++;
      this.space();
    }
    if (this.peek() == end || this.peek() < 0) {
      this.at++;
      return false;
    }
    return true;
  }

  /** Passes over null, which is the same as nothing. */
  absent(): bool {
    this.space();
    if (this.peek() != 0x6e) return false;
    this.at += 4;
    return true;
  }

  text(): string {
    if (this.absent()) return "";
    if (this.peek() == 0x22) return this.string();
    this.expected("a string");
    return "";
  }

  /** A case of an enum. */
  word(first: string): string {
    const word = this.text();
    return word.length > 0 ? word : first;
  }

  bool(): bool {
    if (this.absent()) return false;
    const c = this.peek();
    if (c != 0x74 && c != 0x66) this.expected("true or false");
    else this.skip();
    return c == 0x74;
  }

  int<T extends number>(): T {
    const digits = this.digits();
    if (digits.includes(".") || digits.includes("e") || digits.includes("E")) {
      if (this.problem.length == 0) this.problem = this.key + ": expected a whole number";
      return <T>0;
    }
    if (isSigned<T>()) return digits.length > 0 ? <T>i64.parse(digits) : <T>0;
    return digits.length > 0 ? <T>u64.parse(digits) : <T>0;
  }

  float(): f64 {
    const digits = this.digits();
    return digits.length > 0 ? parseFloat(digits) : 0;
  }

  private digits(): string {
    if (this.absent()) return "";
    const c = this.peek();
    if (c != 0x2d && (c < 0x30 || c > 0x39)) {
      this.expected("a number");
      return "";
    }
    const from = this.at;
    this.skip();
    return this.source.substring(from, this.at);
  }

  bytes(): Uint8Array {
    const text = this.text();
    const bytes = decodeBase64(text);
    if (bytes !== null) return bytes;
    if (this.problem.length == 0) this.problem = this.key + ": expected base64";
    return new Uint8Array(0);
  }

  json(): Json {
    this.space();
    const from = this.at;
    this.skip();
    return new Json(this.source.substring(from, this.at));
  }

  record<T extends Record>(): T {
    const record = instantiate<T>();
    record.read(this);
    return record;
  }

  texts(): string[] {
    const list: string[] = [];
    if (this.absent() || !this.array()) return list;
    while (this.item()) list.push(this.text());
    return list;
  }

  /** Passes over a value. */
  skip(): void {
    this.space();
    for (let depth = 0; this.at < this.source.length; ) {
      const c = this.peek();
      if (c == 0x22) this.endOfString();
      else if (c == 0x7b || c == 0x5b) {
        depth++;
        this.at++;
        continue;
      } else if (c == 0x7d || c == 0x5d) {
        depth--;
        this.at++;
      } else if (c == 0x2c || c == 0x3a || c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09) {
        this.at++;
        continue;
      } else this.endOfWord();
      if (depth <= 0) return;
    }
  }

  private endOfString(): void {
    for (this.at++; this.at < this.source.length && this.peek() != 0x22; this.at++) if (this.peek() == 0x5c) this.at++;
    this.at++;
  }

  private endOfWord(): void {
    for (let c = this.peek(); c > 0x20 && c != 0x2c && c != 0x5d && c != 0x7d; c = this.peek()) this.at++;
  }

  private string(): string {
    const from = this.at + 1;
    this.endOfString();
    const written = this.source.substring(from, this.at - 1);
    return written.includes("\\") ? unescape(written) : written;
  }

  /** Passes over a value, unless it is not JSON or nests deeper than that. */
  check(depth: i32): bool {
    this.space();
    const c = this.peek();
    if (c == 0x22) return this.checkString();
    if (c == 0x7b || c == 0x5b) return depth > 0 && this.checkItems(depth, c == 0x7b);
    const from = this.at;
    this.endOfWord();
    const word = this.source.substring(from, this.at);
    return word == "true" || word == "false" || word == "null" || isNumber(word);
  }

  private checkItems(depth: i32, object: bool): bool {
    const end = object ? 0x7d : 0x5d;
    this.at++;
    this.space();
    if (this.peek() == end) {
      this.at++;
      return true;
    }
    let more = true;
    while (more) {
      if (object) {
        this.space();
        if (this.peek() != 0x22 || !this.checkString()) return false;
        this.space();
        if (this.peek() != 0x3a) return false;
        this.at++;
      }
      if (!this.check(depth - 1)) return false;
      this.space();
      const c = this.peek();
      this.at++;
      if (c != end && c != 0x2c) return false;
      more = c != end;
    }
    return true;
  }

  private checkString(): bool {
    for (this.at++; ; this.at++) {
      const c = this.peek();
      if (c < 0x20) return false; // also where the text has ended
      if (c == 0x22) break;
      if (c != 0x5c) continue;
      this.at++;
      const e = this.peek();
      if (e == 0x75) {
        for (let i = 0; i < 4; i++) {
          this.at++;
          if (hex(this.peek()) < 0) return false;
        }
      } else if (e < 0 || !"\"\\/bfnrt".includes(String.fromCharCode(e))) return false;
    }
    this.at++;
    return true;
  }
}

function isNumber(word: string): bool {
  let i = 0;
  if (word.charCodeAt(0) == 0x2d) i++;
  const whole = digitsAt(word, i);
  if (whole == 0 || (whole > 1 && word.charCodeAt(i) == 0x30)) return false;
  i += whole;
  if (i < word.length && word.charCodeAt(i) == 0x2e) {
    const fraction = digitsAt(word, i + 1);
    if (fraction == 0) return false;
    i += fraction + 1;
  }
  if (i < word.length && (word.charCodeAt(i) | 0x20) == 0x65) {
    i++;
    if (i < word.length && (word.charCodeAt(i) == 0x2b || word.charCodeAt(i) == 0x2d)) i++;
    const exponent = digitsAt(word, i);
    if (exponent == 0) return false;
    i += exponent;
  }
  return i == word.length;
}

function digitsAt(word: string, from: i32): i32 {
  let n = 0;
  while (from + n < word.length && word.charCodeAt(from + n) >= 0x30 && word.charCodeAt(from + n) <= 0x39) n++;
  return n;
}

function hex(c: i32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  c |= 0x20;
  return c >= 0x61 && c <= 0x66 ? c - 0x61 + 10 : -1;
}

function unescape(written: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = written.indexOf("\\"); at >= 0; at = written.indexOf("\\", from)) {
    parts.push(written.substring(from, at));
    const c = written.charCodeAt(at + 1);
    from = at + 2;
    if (c == 0x75) {
      let code = 0;
      for (let i = 0; i < 4; i++) code = code * 16 + hex(from + i < written.length ? written.charCodeAt(from + i) : 0x30);
      parts.push(String.fromCharCode(code));
      from += 4;
    } else if (c == 0x6e) parts.push("\n");
    else if (c == 0x74) parts.push("\t");
    else if (c == 0x72) parts.push("\r");
    else if (c == 0x62) parts.push("\b");
    else if (c == 0x66) parts.push("\f");
    else parts.push(String.fromCharCode(c));
  }
  parts.push(written.substring(from));
  return parts.join("");
}

/** Writes one JSON value. */
export class Writer {
  private parts: string[] = [];
  private first: bool = true;

  open(): void {
    this.parts.push("{");
    this.first = true;
  }

  close(): void {
    this.parts.push("}");
    this.first = false;
  }

  /** The name of the field whose value is written next. */
  key(name: string): void {
    if (!this.first) this.parts.push(",");
    this.first = false;
    this.text(name);
    this.parts.push(":");
  }

  text(value: string): void {
    this.parts.push('"');
    let from = 0;
    for (let i = 0; i < value.length; i++) {
      const c = value.charCodeAt(i);
      if (c >= 0x20 && c != 0x22 && c != 0x5c) continue;
      this.parts.push(value.substring(from, i));
      from = i + 1;
      if (c == 0x22) this.parts.push('\\"');
      else if (c == 0x5c) this.parts.push("\\\\");
      else if (c == 0x0a) this.parts.push("\\n");
      else this.parts.push("\\u00" + (c < 16 ? "0" : "1") + (c & 15).toString(16));
    }
    this.parts.push(from == 0 ? value : value.substring(from));
    this.parts.push('"');
  }

  number(digits: string): void {
    this.parts.push(digits);
  }

  /** A number that JSON has not is 0. */
  float(value: f64): void {
    this.parts.push(isFinite(value) ? value.toString() : "0");
  }

  bool(value: bool): void {
    this.parts.push(value ? "true" : "false");
  }

  json(value: Json): void {
    this.parts.push(value.raw);
  }

  bytes(value: Uint8Array): void {
    this.parts.push('"');
    this.parts.push(encodeBase64(value));
    this.parts.push('"');
  }

  texts(list: string[]): void {
    this.parts.push("[");
    for (let i = 0; i < list.length; i++) {
      if (i > 0) this.parts.push(",");
      this.text(list[i]);
    }
    this.parts.push("]");
  }

  list<T extends Record>(list: T[]): void {
    this.parts.push("[");
    for (let i = 0; i < list.length; i++) {
      if (i > 0) this.parts.push(",");
      list[i].write(this);
    }
    this.parts.push("]");
    this.first = false;
  }

  toString(): string {
    return this.parts.join("");
  }
}

const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  const n = bytes.length;
  const out = new ArrayBuffer(((n + 2) / 3) * 4);
  const to = changetype<usize>(out);
  for (let i = 0, o = 0; i < n; i += 3, o += 4) {
    const b0 = <u32>bytes[i];
    const b1 = i + 1 < n ? <u32>bytes[i + 1] : 0;
    const b2 = i + 2 < n ? <u32>bytes[i + 2] : 0;
    const bits = (b0 << 16) | (b1 << 8) | b2;
    store<u8>(to + o, <u8>base64.charCodeAt(<i32>(bits >> 18)));
    store<u8>(to + o + 1, <u8>base64.charCodeAt(<i32>((bits >> 12) & 63)));
    store<u8>(to + o + 2, i + 1 < n ? <u8>base64.charCodeAt(<i32>((bits >> 6) & 63)) : 0x3d);
    store<u8>(to + o + 3, i + 2 < n ? <u8>base64.charCodeAt(<i32>(bits & 63)) : 0x3d);
  }
  return String.UTF8.decode(out);
}

/** The bytes that a base64 is, null for what is none. */
export function decodeBase64(text: string): Uint8Array | null {
  let n = text.length;
  if (n % 4 != 0) return null;
  while (n > 0 && text.length - n < 2 && text.charCodeAt(n - 1) == 0x3d) n--;
  const bytes = new Uint8Array((n * 3) / 4);
  let bits: u32 = 0;
  for (let i = 0, o = 0; i < n; i++) {
    const value = base64.indexOf(text.charAt(i));
    if (value < 0) return null;
    bits = (bits << 6) | (<u32>value);
    if (i % 4 > 0) bytes[o++] = <u8>(bits >> (6 - 2 * (<u32>i % 4)));
  }
  return bytes;
}
