"""JSON by the functions that the interpreter has for it. The package json takes longer to import than all else that a start does."""

import _json


def _constant(name):
    raise ValueError(f"{name} is no JSON")


def _default(value):
    raise TypeError(f"a {type(value).__name__} cannot be said in JSON")


class _Context:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, staticmethod(_constant)


_scan = _json.make_scanner(_Context)  # type: ignore[arg-type]
_encode = _json.make_encoder(None, _default, _json.encode_basestring, None, ":", ",", False, False, False)


def loads(text):
    """Reads a value. Raises ValueError."""
    text = text.strip(" \t\n\r")
    try:
        value, end = _scan(text, 0)
    except StopIteration as at:
        raise ValueError(f"a value is expected at character {at.value}") from None
    if end != len(text):
        raise ValueError(f"something stands behind the value, at character {end}")
    return value


def dumps(value):
    """Writes a value, for which NaN and infinities are none."""
    return "".join(_encode(value, 0))
