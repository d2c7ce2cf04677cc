"""The contract's error."""


class PluginError(Exception):
    """Says what kind of failure it is: code is one of the contract's (see contract.Code), and message is for the owner.

    retryable says that the same may succeed later, retry_after in how many milliseconds at the earliest.
    """

    def __init__(self, code, message, *, retryable=False, retry_after=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after

    @classmethod
    def of(cls, error):
        """Makes one of the contract's record, which is a dict or an Error."""
        if not isinstance(error, dict):
            error = {name: getattr(error, name) for name in ("code", "message", "retryable", "retry_after")}
        return cls(
            error.get("code") or "internal",
            error.get("message") or "",
            retryable=bool(error.get("retryable")),
            retry_after=error.get("retryAfter", error.get("retry_after")),
        )

    def to_json(self):
        """Is the contract's record of it."""
        error = {"code": self.code, "message": self.message}
        if self.retryable:
            error["retryable"] = True
        if self.retry_after is not None:
            error["retryAfter"] = self.retry_after
        return error
