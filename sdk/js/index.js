// What a plugin asks of the gateway. The gateway's own copy of this module is what a plugin runs with.

const { call, PluginError } = globalThis.__carapace;

export { call, PluginError };

export const log = {
  debug: (message) => globalThis.__host("log", "debug", String(message)),
  info: (message) => globalThis.__host("log", "info", String(message)),
  warn: (message) => globalThis.__host("log", "warn", String(message)),
  error: (message) => globalThis.__host("log", "error", String(message)),
};

export const config = {
  get: (account) => call("config_get", { account }).value,
};

export const kv = {
  get: (key) => call("kv_get", { key }).value,
  put: (key, value, ttl = 0) => void call("kv_put", { key, value, ttl }),
  delete: (key) => void call("kv_delete", { key }),
  keys: (prefix = "", limit = 0) => call("kv_keys", { prefix, limit }).keys,
};

export const http = {
  request(request) {
    const response = call("http_request", request);
    if (response.status !== 0) return response;
    throw response.error ? PluginError.from(response.error) : new PluginError("unavailable", "no response came");
  },
  header: (headers, name) => headers.find((header) => header.name.toLowerCase() === name.toLowerCase())?.value ?? "",
};

export const credential = {
  has: (name, account) => call("credential_has", { name, account }).present,
  refused: (name, account) => call("credential_refused", { name, account }).again,
  sign: (signing) => call("credential_sign", signing).bytes,
  scram: (login) => call("credential_scram", login).text,
};

export const schedule = {
  set: (job) => call("schedule_set", job).next,
  cancel: (id) => void call("schedule_cancel", { id }),
};

export const emit = (name, payload) => void call("emit_publish", { name, payload });

export const progress = (text) => void call("progress_report", { text });

export const media = {
  link: (id, within) => call("media_link", { media: id, within }).url,
  stat: (id) => call("media_stat", { media: id }),
};

// How names of files of a type end, for the types of sound that servers know.
const endings = {
  __proto__: null,
  "audio/ogg": "ogg",
  "audio/opus": "ogg",
  "application/ogg": "ogg",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
  "audio/mp4": "m4a",
  "audio/m4a": "m4a",
  "audio/x-m4a": "m4a",
  "audio/aac": "m4a",
  "audio/wav": "wav",
  "audio/wave": "wav",
  "audio/x-wav": "wav",
  "audio/vnd.wave": "wav",
  "audio/webm": "webm",
  "audio/flac": "flac",
  "audio/x-flac": "flac",
};

export const stt = {
  part(name, { media, mime }) {
    const ending = endings[mime.split(";")[0].trim().toLowerCase()];
    const fileName = ending === undefined ? "recording" : `recording.${ending}`;
    return { name, media, fileName, contentType: mime === "" ? undefined : mime };
  },
};

export const message = {
  send: (message) => call("message_send", message).delivery,
};

export const agent = {
  run: (request) => call("agent_run", request).run,
  wait: (run, wait = 0) => call("agent_wait", { run, wait }),
};

export const session = {
  find: (filter = {}) => call("session_find", filter),
  read: (query) => call("session_read", query),
};

export const tools = {
  invoke: (name, args = {}) => call("tools_invoke", { name, args }),
};

export const socket = {
  open(url) {
    const { socket } = call("socket_open", { url });
    return {
      read: (most) => call("socket_read", { socket, most }),
      write: (data, { fill = false, base64 = false } = {}) =>
        void call("socket_write", { socket, [typeof data === "string" ? "text" : "bytes"]: data, fill, base64 }),
      receive: (file) => call("socket_receive", { ...file, socket }),
      startTls: () => void call("socket_start_tls", { socket }),
      close: () => void call("socket_close", { socket }),
    };
  },
};

export const text = (text) => ({ content: [{ kind: "text", text }] });

export const failed = (text) => ({ content: [{ kind: "text", text }], failed: true });
