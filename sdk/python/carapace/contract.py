"""The records of the contract. What they are, contract.pyi says."""

from ._records import kind as _kind
from ._records import names as _names


def __getattr__(name):
    """Gives a record's class, which is made when it is asked for. An enum's values are texts."""
    try:
        return _kind(name)
    except KeyError:
        raise AttributeError(f"the contract has no {name}") from None


def __dir__():
    return _names()
