// How a plugin and the gateway call each other: JSON, through memory that belongs to the gateway.

import { Code, ErrorRecord } from "./contract";
import { Json, Reader, Record, Writer } from "./json";

// @ts-ignore: decorator
@external("extism:host/env", "input_length")
declare function inputLength(): u64;
// @ts-ignore: decorator
@external("extism:host/env", "error_set")
declare function errorSet(offset: u64): void;
// @ts-ignore: decorator
@external("extism:host/env", "alloc")
declare function alloc(size: u64): u64;
// @ts-ignore: decorator
@external("extism:host/env", "free")
declare function free(offset: u64): void;
// @ts-ignore: decorator
@external("extism:host/env", "length")
declare function length(offset: u64): u64;
// @ts-ignore: decorator
@external("carapace:host/memory", "read")
declare function readBlock(offset: u64, to: usize, length: u32): void;
// @ts-ignore: decorator
@external("carapace:host/memory", "write")
declare function writeBlock(offset: u64, from: usize, length: u32): void;
// @ts-ignore: decorator
@external("carapace:host/memory", "input")
declare function readInput(to: usize, length: u32): void;
// @ts-ignore: decorator
@external("carapace:host/memory", "output")
declare function writeOutput(from: usize, length: u32): void;

let failed: ErrorRecord | null = null;

/** Why the last call of the gateway's, or the handler that runs, has failed; null when it has not. */
export function failure(): ErrorRecord | null {
  return failed;
}

/** Says why the handler fails. It then returns null: `if (…) { fail(Code.invalid, "say a city"); return null; }`. */
export function fail(code: string, message: string): void {
  failed = { code, message, retryable: code == Code.rateLimited || code == Code.unavailable || code == Code.timeout, retryAfter: null };
}

/** Says why the handler fails, as a record: that of a response, say, or one that may be tried again. */
export function failWith(error: ErrorRecord): void {
  failed = error;
}

/** The body of an export: it answers one call with what the handler returns, and null with the failure. */
export function serve<In extends Record, Out extends Record>(handler: (param: In) => Out | null): i32 {
  failed = null;
  const buffer = new ArrayBuffer(<i32>inputLength());
  readInput(changetype<usize>(buffer), buffer.byteLength);
  const param = read<In>(String.UTF8.decode(buffer));
  if (param === null) return answerFailure();
  const out = handler(param);
  if (out === null) return answerFailure();
  const text = utf8(write<Out>(out));
  writeOutput(changetype<usize>(text), text.byteLength);
  return 0;
}

function answerFailure(): i32 {
  const said = failed;
  if (said === null) fail(Code.internal, "the plugin has answered nothing, and not said why");
  errorSet(stored(write<ErrorRecord>(failed!)));
  return 1;
}

function read<T extends Record>(text: string): T | null {
  const value = Json.parse(text);
  if (value === null) {
    fail(Code.invalid, "what the gateway says is not JSON");
    return null;
  }
  const r = new Reader(value.raw);
  const record = r.record<T>();
  if (r.problem.length == 0) return record;
  fail(Code.invalid, r.problem);
  return null;
}

function write<T extends Record>(record: T): string {
  const w = new Writer();
  record.write(w);
  return w.toString();
}

function utf8(text: string): ArrayBuffer {
  return String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE);
}

function stored(text: string): u64 {
  const bytes = utf8(text);
  const at = alloc(bytes.byteLength);
  if (bytes.byteLength > 0) writeBlock(at, changetype<usize>(bytes), bytes.byteLength);
  return at;
}

function taken(at: u64): string {
  const bytes = new ArrayBuffer(<i32>length(at));
  if (bytes.byteLength > 0) readBlock(at, changetype<usize>(bytes), bytes.byteLength);
  free(at);
  return String.UTF8.decode(bytes);
}

function call<In extends Record>(param: In, imported: (offset: u64) => u64): string {
  const at = stored(write<In>(param));
  const answer = imported(at);
  free(at);
  return taken(answer);
}

/** Calls a function of the gateway: its result, or null and a failure. */
export function ask<In extends Record, Out extends Record>(param: In, imported: (offset: u64) => u64): Out | null {
  failed = null;
  const answer = new Json(call<In>(param, imported));
  const error = answer.get("error");
  if (!error.exists) return read<Out>(answer.get("ok").raw);
  failed = error.to<ErrorRecord>();
  return null;
}

/** Calls a function of the gateway that has no result. */
export function tell<In extends Record>(param: In, imported: (offset: u64) => u64): void {
  call<In>(param, imported);
}
