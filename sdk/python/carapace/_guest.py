"""The way in and out where the gateway runs a plugin: calls come from it, and what a plugin asks of it goes back."""

import sys

from . import _call, _json, _records
from ._errors import PluginError

_MOST_LINE = 4096


def serve(ask, entry):
    """Imports the plugin and answers its calls, for as long as there are any."""
    _call.host = lambda name, param: ask("call", name, param)
    _call.log = lambda level, line: ask("log", level, line.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    sys.stdout = _Lines("info")
    sys.stderr = _Lines("error")
    sys.argv = [entry + ".py"]
    try:
        plugin = __import__(entry)
        answer = ""
    except BaseException as reason:
        answer = failure(reason)
    while True:
        export, _, text = ask("next", answer).partition("\0")
        answer = perform(plugin, export, text)


def check(ask, files):
    """Compiles a plugin's files and runs none of them: what is wrong with the first that is, is the answer to all calls."""
    answer = "+{}"
    for name, text in files.items():
        try:
            compile(text, name, "exec", dont_inherit=True)
        except Exception as reason:
            answer = "-" + _json.dumps({"code": "invalid", "message": message(reason)})
            break
    ask("next", "")
    while True:
        ask("next", answer)


def message(reason):
    """Says what was raised, in a line."""
    if isinstance(reason, SyntaxError) and reason.lineno is not None:
        return f"{type(reason).__name__}: {reason.msg} ({reason.filename}, line {reason.lineno})"
    if isinstance(reason, ModuleNotFoundError):
        return f"{type(reason).__name__}: {reason}: what a plugin imports is a file of its folder, the SDK or Python's own library"
    return f"{type(reason).__name__}: {reason}".removesuffix(": ")


def perform(plugin, export, text):
    """Calls an export with its input as JSON, and says what came of it."""
    try:
        return "+" + _records.call(plugin, export, text)
    except BaseException as reason:
        return failure(reason)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def failure(reason):
    """Says what was raised. What is no PluginError is a mistake of the plugin."""
    error = {"code": "internal", "message": message(reason)}
    if isinstance(reason, PluginError):
        error = reason.to_json()
    elif isinstance(reason, MemoryError):
        error["message"] = "MemoryError: it has no more memory: raise limits.memory in plugin.json, or keep less"
    error["stack"] = trace(reason)
    try:
        return "-" + _json.dumps(error)
    except MemoryError:
        return '-{"code":"internal","message":"MemoryError"}'


def trace(reason):
    """Is the traceback of what was raised, without the gateway's own part of it."""
    try:
        import traceback

        for e in _chain(reason):
            at = e.__traceback__
            while at is not None and at.tb_frame.f_code.co_filename.startswith(("carapace/", "<string>", "<frozen")):
                at = at.tb_next
            e.__traceback__ = at
        return "".join(traceback.format_exception(reason, limit=-32))[-16000:]
    except BaseException as another:
        return f"{type(reason).__name__} (its traceback cannot be told: {type(another).__name__})"


def _chain(reason):
    seen = []
    while reason is not None and reason not in seen and len(seen) < 8:
        seen.append(reason)
        reason = reason.__cause__ or reason.__context__
    return seen


class _Lines:
    """A text stream whose lines go to the plugin's log."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, level):
        self._level = level
        self._left = ""

    def write(self, text):
        *lines, self._left = (self._left + text).split("\n")
        for line in lines:
            _call.log(self._level, line[:_MOST_LINE])
        self._left = self._left[:_MOST_LINE]
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        if self._left:
            left, self._left = self._left, ""
            _call.log(self._level, left)

    def isatty(self):
        return False

    def writable(self):
        return True

    def readable(self):
        return False
