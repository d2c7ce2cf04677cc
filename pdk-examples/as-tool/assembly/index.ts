// A plugin with a tool that rolls dice.

import { ToolInvocation, ToolOutput, text, toolInvoke } from "carapace-as";

/** Rolls. The gateway has checked the arguments against the manifest's schema. */
function roll(call: ToolInvocation): ToolOutput | null {
  const given = call.args.get("sides");
  const sides = given.exists ? given.int() : 6;
  return text((1 + <i64>(Math.random() * <f64>sides)).toString());
}

export function tool_invoke(): i32 {
  return toolInvoke(roll);
}
