// A plugin with a tool that rolls dice.

import { text, type ToolInvocation, type ToolOutput } from "carapace";

/** Rolls. The gateway has checked the arguments against the manifest's schema. */
export function toolInvoke(call: ToolInvocation): ToolOutput {
  const sides: number = call.args.sides ?? 6;
  return text(String(1 + Math.floor(Math.random() * sides)));
}
