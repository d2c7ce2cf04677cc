// A plugin with a hook that changes messages before they are sent.

import type { HookDecision, HookEvent } from "carapace";

const plain: Record<string, string> = { utilize: "use", "in order to": "to", "prior to": "before" };
const stilted = new RegExp(Object.keys(plain).join("|"), "g");

/** Is called for the hooks that the manifest names: here, for one. */
export function hookHandle({ event }: HookEvent<"message_sending">): HookDecision {
  const text = event.text.replace(stilted, (words) => plain[words] ?? words);
  return text === event.text ? {} : { modify: { text } }; // an empty decision lets it pass
}
