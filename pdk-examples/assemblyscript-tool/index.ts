// A tool for the model in AssemblyScript, with nothing but the Extism PDK.
import { Host } from "@extism/as-pdk";
import { error_set } from "@extism/as-pdk/lib/env";
import { Memory } from "@extism/as-pdk/lib/pdk";

// The input is a tool invocation: {"name":"fahrenheit","args":{"celsius":21},…}. The gateway has checked
// args against the manifest's schema, so celsius is there, and a number.
export function tool_invoke(): i32 {
  const call = Host.inputString();
  const key = '"celsius"';
  const at = call.indexOf(key);
  const celsius = at < 0 ? NaN : parseFloat(call.substring(call.indexOf(":", at + key.length) + 1));
  if (isNaN(celsius)) return fail("invalid", "celsius is not a number");
  const text = (celsius * 9 / 5 + 32).toString() + " °F";
  const output = '{"content":[{"kind":"text","text":"' + text + '"}]}';
  Host.output(Uint8Array.wrap(String.UTF8.encode(output))); // outputString cuts off what is not ASCII
  return 0;
}

// fail reports an error with a code that the gateway understands.
function fail(code: string, message: string): i32 {
  error_set(Memory.allocateString('{"code":"' + code + '","message":"' + message + '"}').offset);
  return 1;
}

// stop is called when the runtime gives up; the gateway turns the trap into an error.
function stop(message: string | null, file: string | null, line: u32, column: u32): void {
  unreachable();
}
