// What the compiler's library asks of the world: see asconfig.json.

// @ts-ignore: decorator
@external("extism:host/env", "alloc")
declare function alloc(size: u64): u64;
// @ts-ignore: decorator
@external("carapace:host/memory", "write")
declare function writeBlock(offset: u64, from: usize, length: u32): void;
// @ts-ignore: decorator
@external("extism:host/env", "log_error")
declare function logError(offset: u64): void;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
declare function randomGet(to: usize, length: u32): u32;

/** Says in the plugin's log where a failed assertion or a throw is, and ends the call. */
export function carapace_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const said = (message === null ? "aborted" : message) + " (" + (file === null ? "?" : file) + ":" + line.toString() + ":" + column.toString() + ")";
  const bytes = String.UTF8.encode(said, false, String.UTF8.ErrorMode.REPLACE);
  const at = alloc(bytes.byteLength);
  writeBlock(at, changetype<usize>(bytes), bytes.byteLength);
  logError(at);
  unreachable();
}

/** What Math.random begins with. */
export function carapace_seed(): f64 {
  const at = memory.data(8);
  randomGet(at, 8);
  return reinterpret<f64>((load<u64>(at) >> 12) | 0x3ff0000000000000);
}
