// A plugin with a hook that changes messages before they are sent.

import { HookDecision, HookEvent, JsonObject, MessageSending, hookHandle } from "carapace-as";

export function hook_handle(): i32 {
  return hookHandle(plain);
}

/** Is called for the hooks that the manifest names: here, for one. */
function plain(event: HookEvent): HookDecision | null {
  const message = event.event.to<MessageSending>();
  if (message === null) return null;
  const text = message.text.replaceAll("utilize", "use").replaceAll("in order to", "to").replaceAll("prior to", "before");
  const decision = new HookDecision(); // an empty one lets it pass
  if (text != message.text) decision.modify = new JsonObject().text("text", text).json();
  return decision;
}
