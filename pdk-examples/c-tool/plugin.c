// A plugin with a tool that rolls dice.
#include "carapace.h"

// Rolls. The gateway has checked the arguments against the manifest's schema.
static bool roll(const carapace_tool_invocation *call, carapace_tool_output *output) {
  carapace_json given = carapace_json_get(call->args, "sides");
  uint64_t sides = carapace_json_exists(given) ? (uint64_t)carapace_json_int(given) : 6, random;
  carapace_random(&random, sizeof random);
  return carapace_tool_text(output, carapace_number((int64_t)(1 + random % sides)));
}

CARAPACE_TOOL_INVOKE(roll)
