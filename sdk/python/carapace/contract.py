"""The records of the contract. What they are, contract.pyi says."""

from ._records import names as _names
from ._records import record as _record


def __getattr__(name):
    """Gives a record's class, which is made when it is asked for. The names of enums are those of texts."""
    try:
        return _record(name)
    except KeyError:
        raise AttributeError(f"the contract has no {name}") from None


def __dir__():
    return _names()
