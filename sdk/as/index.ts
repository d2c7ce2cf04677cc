// The SDK. What it is called here is what the contract calls it: a function for each export, which the plugin's own of the
// same name returns, and one for each thing that can be asked of the gateway.

import { LogLevel, Part, PartKind, ToolOutput, logWrite } from "./assembly/contract";

export { fail, failWith, failure } from "./assembly/abi";
export { Boxed, Json, JsonObject, decodeBase64, encodeBase64, jsonArray } from "./assembly/json";
export * from "./assembly/contract";

/** What only somebody who looks for trouble wants to see. */
export function debug(message: string): void {
  logWrite({ level: LogLevel.debug, message });
}

export function info(message: string): void {
  logWrite({ level: LogLevel.info, message });
}

/** What works, but not as it should. */
export function warn(message: string): void {
  logWrite({ level: LogLevel.warn, message });
}

/** What does not work. What a call fails with is logged anyway. */
export function error(message: string): void {
  logWrite({ level: LogLevel.error, message });
}

/** The output of a tool that is one text. */
export function text(text: string): ToolOutput {
  const part: Part = { kind: PartKind.text, text };
  return { content: [part] };
}

/** The output of a tool that ran and has bad news for the model: what is wrong and how to ask better. */
export function failed(text_: string): ToolOutput {
  const output = text(text_);
  output.failed = true;
  return output;
}
