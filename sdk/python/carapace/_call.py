"""What answers a plugin's questions: the gateway, or a test's host."""


def host(name, param):
    """Answers an import: its parameter and {"ok":…} or {"error":…} are JSON."""
    raise RuntimeError("no gateway runs this: carapace.testing.Host does in a test")


def log(level, line):
    """Takes a line for the log."""
    raise RuntimeError("no gateway runs this: carapace.testing.Host does in a test")
