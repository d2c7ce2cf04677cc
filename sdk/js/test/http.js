import { PluginError } from "./error.js";

const placeholder = /\{\{credential:([A-Za-z0-9_.-]{1,64})\}\}/g;

const login = (user, password) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** Has a test's `http` answer a request of the contract, which arrives there with credentials filled in. */
export function exchange(host, request) {
  if (!host.http) throw new PluginError("forbidden", "the test host has no http");
  const fill = (text) =>
    text.replace(placeholder, (_, name) => {
      if (name in host.credentials) return host.credentials[name];
      throw new PluginError("unauthorized", `credential ${name} is not set`);
    });
  const own = (text) => (request.fill && text !== undefined ? fill(text) : text);
  const [path, ...query] = request.url.split("?");
  const response = host.http({
    method: request.method || "GET",
    url: fill(path) + (query.length > 0 ? `?${own(query.join("?"))}` : ""),
    headers: {
      ...(request.json === undefined ? {} : { "content-type": "application/json" }),
      ...Object.fromEntries((request.headers ?? []).map(({ name, value }) => [name.toLowerCase(), fill(value)])),
      ...(request.basic && { authorization: login(request.basic.user, fill(`{{credential:${request.basic.password}}}`)) }),
    },
    text: own(request.json === undefined ? request.text : JSON.stringify(request.json)),
    bytes: request.bytes === undefined ? undefined : Buffer.from(request.bytes, "base64"),
    parts: request.parts?.map((part) => ({
      ...part,
      text: own(part.text),
      bytes: part.bytes === undefined ? undefined : Buffer.from(part.bytes, "base64"),
    })),
  });
  if (typeof response?.then === "function")
    throw new TypeError("http has to answer at once, and not with a promise: the plugin waits");
  const { status = 200, headers = {}, text, bytes, json, media } = response ?? {};
  return {
    id: request.id,
    status,
    headers: Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().map((one) => ({ name, value: String(one) })),
    ),
    text: json === undefined ? (text ?? (bytes || media ? undefined : "")) : JSON.stringify(json),
    bytes: bytes && Buffer.from(bytes).toString("base64"),
    media,
  };
}
