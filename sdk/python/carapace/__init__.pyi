from collections.abc import Sequence
from typing import Any

from .contract import (
    AgentRequest,
    Code,
    ErrorRecord,
    Header,
    HistoryPage,
    HistoryQuery,
    HttpRequest,
    HttpResponse,
    Json,
    MediaInfo,
    OutgoingMessage,
    ReceivedFile,
    RunOutcome,
    ScheduledJob,
    ScramLogin,
    SessionFilter,
    SessionPage,
    Signing,
    SocketData,
    ToolAnswer,
    ToolOutput,
)

class PluginError(Exception):
    """The contract's error: raised by what the gateway refuses, and to be raised by a plugin. Anything else is internal."""

    code: Code
    message: str
    retryable: bool
    """Whether the same request may succeed later."""
    retry_after: int | None
    """Not before this many milliseconds."""
    def __init__(
        self, code: Code, message: str, *, retryable: bool = False, retry_after: int | None = None
    ) -> None: ...
    @classmethod
    def of(cls, error: ErrorRecord | dict[str, Any]) -> PluginError: ...
    def to_json(self) -> dict[str, Any]: ...

def call(name: str, param: Any = None) -> Any: ...
def emit(name: str, payload: Json = None) -> None: ...
def progress(text: str) -> None: ...
def text(text: str) -> ToolOutput: ...
def failed(text: str) -> ToolOutput: ...

class log:
    @staticmethod
    def debug(message: object) -> None: ...
    @staticmethod
    def info(message: object) -> None: ...
    @staticmethod
    def warn(message: object) -> None: ...
    @staticmethod
    def error(message: object) -> None: ...

class config:
    @staticmethod
    def get(account: str | None = None) -> Json: ...

class kv:
    @staticmethod
    def get(key: str) -> str | None: ...
    @staticmethod
    def put(key: str, value: str, ttl: int = 0) -> None: ...
    @staticmethod
    def delete(key: str) -> None: ...
    @staticmethod
    def keys(prefix: str = "", limit: int = 0) -> list[str]: ...

class http:
    @staticmethod
    def request(request: HttpRequest | dict[str, Any]) -> HttpResponse: ...
    @staticmethod
    def header(headers: Sequence[Header], name: str) -> str: ...

class credential:
    @staticmethod
    def has(name: str, account: str | None = None) -> bool: ...
    @staticmethod
    def sign(signing: Signing | dict[str, Any]) -> bytes: ...
    @staticmethod
    def scram(login: ScramLogin | dict[str, Any]) -> str: ...

class schedule:
    @staticmethod
    def set(job: ScheduledJob | dict[str, Any]) -> int | None: ...
    @staticmethod
    def cancel(id: str) -> None: ...

class media:
    @staticmethod
    def stat(id: str) -> MediaInfo: ...

class message:
    @staticmethod
    def send(message: OutgoingMessage | dict[str, Any]) -> str: ...

class agent:
    @staticmethod
    def run(request: AgentRequest | dict[str, Any]) -> str: ...
    @staticmethod
    def wait(run: str, wait: int = 0) -> RunOutcome: ...

class session:
    @staticmethod
    def find(filter: SessionFilter | dict[str, Any] | None = None) -> SessionPage: ...
    @staticmethod
    def read(query: HistoryQuery | dict[str, Any]) -> HistoryPage: ...

class tools:
    @staticmethod
    def invoke(name: str, args: dict[str, Any] | None = None) -> ToolAnswer: ...

class Socket:
    def __init__(self, url: str) -> None: ...
    def read(self, most: int) -> SocketData: ...
    def write(self, data: str | bytes, *, fill: bool = False, base64: bool = False) -> None: ...
    def receive(self, size: int, **file: Any) -> ReceivedFile: ...
    def start_tls(self) -> None: ...
    def close(self) -> None: ...
