"""A plugin with a hook that changes messages before they are sent."""

import re

from carapace.contract import HookDecision, HookEvent

PLAIN = {"utilize": "use", "in order to": "to", "prior to": "before"}
STILTED = re.compile("|".join(PLAIN))


def hook_handle(event: HookEvent) -> HookDecision | None:
    """Is called for the hooks that the manifest names: here, for one."""
    text = STILTED.sub(lambda words: PLAIN[words.group()], event.event.text)
    return None if text == event.event.text else HookDecision(modify={"text": text})  # nothing lets it pass
