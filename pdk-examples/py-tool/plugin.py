"""A plugin with a tool that rolls dice."""

import random

from carapace import text
from carapace.contract import ToolInvocation, ToolOutput


def tool_invoke(call: ToolInvocation) -> ToolOutput:
    """Rolls. The gateway has checked the arguments against the manifest's schema."""
    return text(str(random.randint(1, call.args.get("sides", 6))))
