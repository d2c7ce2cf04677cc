"""What a plugin for the carapace gateway asks of it, and the records of the contract.

A plugin is a module, plugin.py, whose functions have the contract's names: tool_invoke, hook_handle, channel_event, … Each
takes its record and returns its record, or nothing where all of it may be left out.
"""

from . import _call, _json, _records
from ._errors import PluginError


def call(name, param=None):
    """Calls an import of the contract by its name. param is its record, or a dict of JSON. Raises PluginError."""
    answer = _json.loads(_call.host(name, _records.dumps({} if param is None else param)))
    error = answer.get("error")
    if error:
        raise PluginError.of(error)
    of = _records.ANSWERS.get(name)
    return _records.decode(of, answer.get("ok") or {}) if of else None


def _make(name, **fields):
    return _records.record(name)(**fields)


class log:
    """The plugin's log. What print writes is there too, as info."""

    @staticmethod
    def debug(message):
        _call.log("debug", str(message))

    @staticmethod
    def info(message):
        _call.log("info", str(message))

    @staticmethod
    def warn(message):
        _call.log("warn", str(message))

    @staticmethod
    def error(message):
        _call.log("error", str(message))


class config:
    """The plugin's own settings."""

    @staticmethod
    def get(account=None):
        return call("config_get", {"account": account} if account is not None else {}).value


class kv:
    """Texts that the gateway keeps for the plugin, by keys. ttl is in milliseconds; 0 keeps it for good."""

    @staticmethod
    def get(key):
        return call("kv_get", {"key": key}).value

    @staticmethod
    def put(key, value, ttl=0):
        call("kv_put", {"key": key, "value": value, "ttl": ttl})

    @staticmethod
    def delete(key):
        call("kv_delete", {"key": key})

    @staticmethod
    def keys(prefix="", limit=0):
        return call("kv_keys", {"prefix": prefix, "limit": limit}).keys


class http:
    """Requests, which the gateway makes, to the hosts that the manifest names."""

    @staticmethod
    def request(request):
        """Makes one and returns its response, also one that says no; raises PluginError where none came."""
        response = call("http_request", request)
        if response.status:
            return response
        raise PluginError.of(response.error) if response.error else PluginError("unavailable", "no response came")

    @staticmethod
    def header(headers, name):
        """Is the first header of that name, in whatever case it is written, or ""."""
        return next((h.value for h in headers if h.name.lower() == name.lower()), "")


class credential:
    """Secrets, which the gateway puts where a request says {{credential:NAME}}; a plugin never sees one."""

    @staticmethod
    def has(name, account=None):
        return call("credential_has", {"name": name, **({"account": account} if account is not None else {})}).present

    @staticmethod
    def refused(name, account=None):
        return call("credential_refused", {"name": name, **({"account": account} if account is not None else {})}).again

    @staticmethod
    def sign(signing):
        return call("credential_sign", signing).bytes

    @staticmethod
    def scram(login):
        return call("credential_scram", login).text


class schedule:
    """Times at which schedule_fire is called."""

    @staticmethod
    def set(job):
        return call("schedule_set", job).next

    @staticmethod
    def cancel(id):
        call("schedule_cancel", {"id": id})


def emit(name, payload=None):
    """Publishes an event of the plugin's."""
    call("emit_publish", {"name": name, "payload": payload})


def progress(text):
    """Says how far a call is."""
    call("progress_report", {"text": text})


class media:
    """Files that the gateway keeps."""

    @staticmethod
    def stat(id):
        return call("media_stat", {"media": id})

    @staticmethod
    def link(id, within=24 * 60 * 60 * 1000):
        """An address by which anybody may read a file for so many milliseconds."""
        return call("media_link", {"media": id, "within": within}).url


class message:
    """Messages to people."""

    @staticmethod
    def send(message):
        return call("message_send", message).delivery


class agent:
    """Runs of the owner's agent."""

    @staticmethod
    def run(request):
        return call("agent_run", request).run

    @staticmethod
    def wait(run, wait=0):
        return call("agent_wait", {"run": run, "wait": wait})


class session:
    """Conversations, for reading."""

    @staticmethod
    def find(filter=None):
        return call("session_find", filter)

    @staticmethod
    def read(query):
        return call("session_read", query)


class tools:
    """Other plugins' tools."""

    @staticmethod
    def invoke(name, args=None):
        return call("tools_invoke", {"name": name, "args": {} if args is None else args})


class Socket:
    """A connection to a server that the manifest names."""

    def __init__(self, url):
        self._socket = call("socket_open", {"url": url}).socket

    def read(self, most):
        return call("socket_read", {"socket": self._socket, "most": most})

    def write(self, data, *, fill=False, base64=False):
        key = "text" if isinstance(data, str) else "bytes"
        call("socket_write", {"socket": self._socket, key: data, "fill": fill, "base64": base64})

    def receive(self, size, **file):
        return call("socket_receive", {"socket": self._socket, "size": size, **file})

    def start_tls(self):
        call("socket_start_tls", {"socket": self._socket})

    def close(self):
        call("socket_close", {"socket": self._socket})


def text(text):
    """Is a tool's answer that is a text."""
    return _make("ToolOutput", content=[_make("Part", kind="text", text=text)])


def failed(text):
    """Is a tool's answer that tells the model what went wrong."""
    return _make("ToolOutput", content=[_make("Part", kind="text", text=text)], failed=True)
