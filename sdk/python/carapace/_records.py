"""Records of the contract: JSON on the outside, objects with attributes inside.

What arrives is whole: what was left out has its zero value, unless it is optional, and base64 is bytes. What is of another type
than the contract's is refused, by where it stands. What leaves may leave out whatever is empty.
"""

import binascii

from . import _json
from ._errors import PluginError
from ._table import TABLE

_table = _json.loads(TABLE)
_fields_of = _table["records"]
FUNCTIONS = _table["functions"]
ANSWERS = _table["answers"]
_hooks = _table["hooks"]
_texts = _table["enums"]
_classes: dict = {}


class Record:
    """A record of the contract. Its fields are attributes, and keywords when one is made; what was not said is None."""

    _fields = ()

    def __init__(self, /, **fields):
        for name, _, _, _, _, _ in self._fields:
            setattr(self, name, fields.pop(name, None))
        if fields:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(fields))}")

    def __repr__(self):
        said = ", ".join(f"{k}={v!r}" for k, v in self.__dict__.items() if v is not None)
        return f"{type(self).__name__}({said})"

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]


def record(name):
    """Is the class of a record by its name."""
    known = _classes.get(name)
    if known is None:
        fields = tuple(tuple(f) for f in _fields_of[name])
        known = _classes[name] = type(name, (Record,), {"_fields": fields, "__module__": "carapace"})
    return known


def kind(name):
    """Is what a name of the contract is: the class of a record, or str for an enum. Raises KeyError."""
    if name in _texts:
        return str
    return {"Json": object, "Plugin": object}.get(name) or record(name)


def names():
    """Are those of all records and enums."""
    return [*_fields_of, *_texts]


def decode(name, value, at=""):
    """Makes a record of what json.loads gives."""
    if type(value) is not dict:
        raise _mistyped(at, "an object")
    made = record(name)
    new = made.__new__(made)
    to = new.__dict__
    for attribute, key, kind, of, many, option in made._fields:
        found = value.get(key)
        if found is None:
            if many:
                to[attribute] = []
            elif option or kind == "json":
                to[attribute] = None
            elif kind == "record":
                to[attribute] = decode(of, {}, _join(at, key))
            else:
                to[attribute] = b"" if kind == "bytes" else of
        elif many:
            if type(found) is not list:
                raise _mistyped(_join(at, key), "a list")
            to[attribute] = [_value(kind, of, v, f"{_join(at, key)}[{n}]") for n, v in enumerate(found)]
        else:
            to[attribute] = _value(kind, of, found, _join(at, key))
    if name == "HookEvent" and new.name in _hooks:
        new.event = decode(_hooks[new.name], new.event if new.event is not None else {}, _join(at, "event"))
    return new


def _join(at, key):
    return f"{at}.{key}" if at else key


_types = {
    "string": (str, "a string"),
    "bool": (bool, "a boolean"),
    "int": (int, "a number"),
    "float": (float, "a number"),
}


def _value(kind, of, value, at):
    if kind == "json":
        return value
    if kind == "record":
        return decode(of, value, at)
    if kind == "bytes":
        try:
            return binascii.a2b_base64(value, strict_mode=True)
        except (TypeError, ValueError):
            raise _mistyped(at, "bytes in base64") from None
    wanted, said = _types[kind]
    if type(value) is wanted:
        return value
    if kind == "int" and type(value) is float and value.is_integer():
        return int(value)
    if kind == "float" and type(value) is int:
        return float(value)
    raise _mistyped(at, said)


def _mistyped(at, wanted):
    return PluginError("invalid", f"{at or 'the input'}: expected {wanted}")


def encode(value):
    """Is a value as json.dumps takes it: a record without what it does not say."""
    if isinstance(value, Record):
        out = {}
        for attribute, key, *_ in value._fields:
            said = value.__dict__.get(attribute)
            if said is not None:
                out[key] = encode(said)
        return out
    if isinstance(value, (bytes, bytearray, memoryview)):
        return binascii.b2a_base64(value, newline=False).decode()
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        return {k: encode(v) for k, v in value.items()}
    return value


def dumps(value):
    """Is a value as JSON, for which NaN and infinities are none."""
    return _json.dumps(encode(value))


def call(plugin, export, text):
    """Calls a function of a plugin by the contract's name, its input and its output being JSON."""
    takes = FUNCTIONS.get(export)
    function = getattr(plugin, export, None) if takes else None
    if not callable(function):
        raise PluginError("not_found", f"the plugin has no function {export}")
    try:
        value = _json.loads(text)
    except ValueError as reason:
        raise PluginError("invalid", f"the input is not JSON: {reason}") from None
    output = function(decode(takes[0], value))
    if output is None:
        return "{}"
    if hasattr(output, "cr_code"):  # a coroutine
        output.close()
        raise TypeError(f"{export} is async, which a plugin's functions are not: what they call of the SDK waits")
    if not isinstance(output, (Record, dict)):
        raise TypeError(f"{export} returned {type(output).__name__}, and not {takes[1]}")
    return dumps(output)
