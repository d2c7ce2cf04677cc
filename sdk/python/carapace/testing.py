"""A gateway in memory, for tests: it runs a plugin in the Python that runs the test.

    host = Host(plugin, kv={"Ada": "6"})
    output = host.tool_invoke({"name": "greet", "args": {"name": "Ada"}})

Transcripts = replay(plugin) is a test case with a test for each transcript, a line for each call with what the plugin asked of
the gateway meanwhile; they are the same files for every SDK. CARAPACE_UPDATE=1 writes the outputs that it gets into them.
"""

import base64
import glob
import hashlib
import hmac
import importlib.util
import json
import os
import re
import unittest

from . import _call, _guest, _records
from ._errors import PluginError

__all__ = ["Host", "replay"]

_PREFIX, _PREFIX_MOST = 100, 1000
_PLACEHOLDER = re.compile(r"\{\{credential:([A-Za-z0-9_.-]{1,64})\}\}")
_OWN = "plugin:test:"  # what the test's host calls runs and messages begins so


class Host:
    """What a plugin reaches in a test: its attributes are set before a call and read after.

    Its methods are the contract's functions: each takes its record, or a dict of the contract's JSON with what of it matters, and
    returns its record; what the plugin raises is raised. http is called with a request, a dict of method, url, headers in lower
    case and text, bytes or parts, and returns a dict of what of a response matters: status, headers, and text, json, bytes or
    media. sign is called with a Signing, a dict of the contract's JSON, and returns bytes; without it HMACs are made, and what takes
    a private key is forbidden. tools are functions of their arguments by the names of other plugins' tools, each of which returns a
    ToolAnswer. answers are what agents answer, by the request's idempotency key: a run without one has not ended. sessions are
    dicts of SessionSummary, the last used one first, and histories their lists of HistoryMessage, by the session's key.
    """

    def __init__(
        self, plugin, *, config=None, accounts=None, credentials=None, media=None, kv=None, http=None, sign=None,
        tools=None, answers=None, sessions=None, histories=None,
    ):  # fmt: skip
        self.plugin = plugin
        self.config = config or {}
        self.accounts = accounts or {}
        self.credentials = credentials or {}
        self.media = media or {}
        self.kv = dict(kv or {})
        self.http = http
        self.sign = sign
        self.tools = tools or {}
        self.answers = answers or {}
        self.sessions = sessions or []
        self.histories = histories or {}
        self.sent = []
        self.runs = []
        self.log = []
        self.progress = []
        self.emitted = []
        self.jobs = {}

    def __getattr__(self, export):
        if export not in _records.FUNCTIONS:
            raise AttributeError(f"the contract has no function {export}")
        return lambda input=None: self._called(export, {} if input is None else input)

    def do(self, request):
        """Makes a request that a plugin described, against http, as the gateway would: for the requests in an answer."""
        return _records.decode("HttpResponse", self._exchange(_records.encode(request)))

    def _called(self, export, input):
        with _Answers(self._call, self._log):
            output = _records.call(self.plugin, export, _records.dumps(input))
        return _records.decode(_records.FUNCTIONS[export][1], json.loads(output))

    def _log(self, level, line):
        self.log.append({"level": level, "message": line})

    def _call(self, name, param):
        answer = getattr(self, f"_on_{name}", None)
        if answer is None:
            raise PluginError("not_found", f"the test host has no function {name}")
        return answer(param)

    def _on_log_write(self, param):
        self.log.append(param)

    def _on_config_get(self, param):
        account = param.get("account")
        if account is None:
            return {"value": self.config}
        if account not in self.accounts:
            raise PluginError("not_found", f"there is no account {account}")
        return {"value": self.accounts[account]}

    def _on_kv_get(self, param):
        return {"value": self.kv.get(param["key"])}

    def _on_kv_put(self, param):
        self.kv[param["key"]] = param["value"]
        return {"ok": True}

    def _on_kv_delete(self, param):
        self.kv.pop(param["key"], None)
        return {"ok": True}

    def _on_kv_keys(self, param):
        most = min(param.get("limit") or _PREFIX, _PREFIX_MOST)
        return {"keys": sorted(k for k in self.kv if k.startswith(param.get("prefix", "")))[:most]}

    def _on_http_request(self, param):
        return self._exchange(param)

    def _on_credential_has(self, param):
        return {"present": param["name"] in self.credentials}

    def _on_credential_refused(self, param):
        return {"again": False}

    def _on_credential_sign(self, param):
        key = self._credential(param["key"])
        if self.sign is not None:
            return {"bytes": _records.encode(self.sign(param))}
        algorithm = param.get("algorithm") or "hmac_sha256"
        if not algorithm.startswith("hmac_"):
            raise PluginError("forbidden", f"the test's host makes no {algorithm}: give it a sign")
        secret = {
            "hex": bytes.fromhex,
            "base64": lambda key: base64.b64decode(key[key.rfind("_") + 1 :]),
        }.get(param.get("keyEncoding"), str.encode)(key)
        data = param["text"].encode() if "text" in param else base64.b64decode(param["bytes"])
        made = hmac.new(secret, data, getattr(hashlib, algorithm.removeprefix("hmac_"))).digest()
        return {"bytes": _records.encode(made)}

    def _on_message_send(self, param):
        if all(m["idempotencyKey"] != param["idempotencyKey"] for m in self.sent):
            self.sent.append(param)
        return {"delivery": _OWN + param["idempotencyKey"]}

    def _on_agent_run(self, param):
        if all(r["idempotencyKey"] != param["idempotencyKey"] for r in self.runs):
            self.runs.append(param)
        return {"run": _OWN + param["idempotencyKey"]}

    def _on_agent_wait(self, param):
        key = param["run"].removeprefix(_OWN)
        if all(r["idempotencyKey"] != key for r in self.runs):
            raise PluginError("not_found", f"there is no run {param['run']}")
        there = key in self.answers
        return {"run": param["run"], "state": "done" if there else "running", "text": self.answers.get(key, "")}

    def _on_session_find(self, param):
        most, offset = min(param.get("limit") or 20, 100), param.get("offset", 0)
        fits = [
            s
            for s in self.sessions
            if param.get("agent") in (None, s.get("agent")) and s.get("updated", 0) >= param.get("since", 0)
        ][offset:]
        return {"sessions": fits[:most], "more": len(fits) > most}

    def _on_session_read(self, param):
        if param["session"] not in self.histories:
            raise PluginError("not_found", f"there is no session {param['session']}")
        before, most = param.get("before", 0), min(param.get("limit") or 50, 200)
        found = [m for m in self.histories[param["session"]] if not before or m["number"] < before]
        return {"sessionId": param["session"], "messages": found[-most:], "more": len(found) > most}

    def _on_tools_invoke(self, param):
        if param["name"] not in self.tools:
            raise PluginError("not_found", f"there is no tool {param['name']}")
        return _records.encode(self.tools[param["name"]](param.get("args") or {}))

    def _on_schedule_set(self, param):
        self.jobs[param["id"]] = param
        return {"next": param.get("at")}

    def _on_schedule_cancel(self, param):
        self.jobs.pop(param["id"], None)
        return {}

    def _on_emit_publish(self, param):
        self.emitted.append(param)
        return {"ok": True}

    def _on_progress_report(self, param):
        self.progress.append(param["text"])
        return {"ok": True}

    def _on_media_link(self, param):
        self._on_media_stat(param)
        return {"url": f"https://gateway.test/media/{param['media']}"}

    def _on_media_stat(self, param):
        if param["media"] not in self.media:
            raise PluginError("not_found", f"there is no file {param['media']}")
        return {"media": param["media"], **self.media[param["media"]]}

    def _exchange(self, request):
        """Fills credentials in, as the gateway would, and has http answer."""
        if self.http is None:
            raise PluginError("forbidden", "this test has no http")

        def own(text):
            return self._filled(text) if text is not None and request.get("fill") else text

        def raw(of):
            return base64.b64decode(of["bytes"]) if "bytes" in of else None

        headers = {"content-type": "application/json"} if "json" in request else {}
        headers.update({h["name"].lower(): self._filled(h["value"]) for h in request.get("headers", ())})
        if login := request.get("basic"):
            pair = f"{login['user']}:{self._credential(login['password'])}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        path, mark, query = request["url"].partition("?")
        made = {
            "method": request.get("method") or "GET",
            "url": self._filled(path) + mark + own(query),
            "headers": headers,
            "text": own(json.dumps(request["json"]) if "json" in request else request.get("text")),
        }
        if "bytes" in request:
            made["bytes"] = raw(request)
        if "parts" in request:
            made["parts"] = [{**part, "text": own(part.get("text")), "bytes": raw(part)} for part in request["parts"]]
        response = self.http(made)
        answer = {"id": request.get("id", ""), "status": response.get("status", 200)}
        if response.get("headers"):
            answer["headers"] = [{"name": k, "value": v} for k, v in response["headers"].items()]
        if "json" in response:
            answer["text"] = json.dumps(response["json"])
        elif "bytes" in response:
            answer["bytes"] = _records.encode(response["bytes"])
        elif "media" in response:
            answer["media"] = response["media"]
        else:
            answer["text"] = response.get("text", "")
        return answer

    def _credential(self, name):
        if name not in self.credentials:
            raise PluginError("unauthorized", f"the credential {name} is not set")
        return self.credentials[name]

    def _filled(self, text):
        """Fills credentials into a text where the gateway does."""
        return _PLACEHOLDER.sub(lambda found: self._credential(found[1]), text)


class _Answers:
    """Puts what answers a plugin in place of what did before."""

    def __init__(self, answer, log):
        self._ours = (lambda name, param: _said(answer, name, json.loads(param))), log

    def __enter__(self):
        self._before = _call.host, _call.log
        _call.host, _call.log = self._ours

    def __exit__(self, *_):
        _call.host, _call.log = self._before


def _said(answer, name, param):
    try:
        return json.dumps({"ok": answer(name, param)})
    except PluginError as error:
        return json.dumps({"error": error.to_json()})


def replay(plugin, pattern="testdata/*.jsonl"):
    """Makes a test case with a test for each transcript that matches a pattern in the plugin's folder."""
    files = sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(plugin.__file__)), pattern)))
    if not files:
        raise FileNotFoundError(f"no transcript matches {pattern} beside {plugin.__file__}")
    return type("Transcripts", (unittest.TestCase,), {_name(file): _test(plugin, file) for file in files})


def _name(file):
    return "test_" + re.sub(r"\W", "_", os.path.basename(file).removesuffix(".jsonl"))


def _test(plugin, file):
    def test(self):
        self.maxDiff = None
        with open(file, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f if line.strip()]
        results = []
        for number, want in enumerate(lines, 1):
            with self.subTest(line=number, call=want["call"]):
                got = _play(self, plugin, want)
                results.append({k: v for k, v in {**want, **got}.items() if v is not None})
                if os.environ.get("CARAPACE_UPDATE") != "1":
                    self.assertEqual(got, {"output": want.get("output"), "error": want.get("error")})
        if os.environ.get("CARAPACE_UPDATE") == "1" and len(results) == len(lines):
            with open(file, "w", encoding="utf-8") as f:
                f.writelines(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in results)

    return test


def _play(case, plugin, want):
    """Makes a line's call in a module of its own, and says what came of it."""
    rest = list(want.get("host", ()))

    def answer(name, param):
        expected = rest.pop(0) if rest else {}
        case.assertEqual(
            (name, param), (expected.get("call"), expected.get("param")), "the transcript expects another call"
        )
        if "error" in expected:
            raise PluginError.of(expected["error"])
        return expected.get("ok")

    with _Answers(answer, lambda level, line: None):
        fresh = _fresh(plugin) if not want["call"].startswith("service_") else plugin
        try:
            got = {"output": json.loads(_records.call(fresh, want["call"], json.dumps(want["input"]))), "error": None}
        except PluginError as error:
            got = {"output": None, "error": error.to_json()}
        except AssertionError:
            raise
        except Exception as reason:
            if "error" not in want:
                raise
            got = {"output": None, "error": {"code": "internal", "message": _guest.message(reason)}}
    case.assertEqual(rest, [], "host calls that the transcript expects were not made")
    return got


def _fresh(plugin):
    spec = importlib.util.spec_from_file_location(plugin.__name__, plugin.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
