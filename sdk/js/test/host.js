import { bundle, folderOf } from "./bundle.js";
import { PluginError } from "./error.js";
import { exchange } from "./http.js";
import { started } from "./instance.js";
import { scram } from "./scram.js";
import { signed } from "./sign.js";

export { PluginError };

const prefixLimit = { default: 100, most: 1000 };

/** A gateway in memory with the plugin in a folder, as its path or as the URL of a file in it. */
export async function host(place, options = {}) {
  const gateway = new Host(options);
  const plugin = bundle(folderOf(place));
  const instance = await started(plugin, gateway.imports);
  gateway.plugin = new Proxy(
    {},
    {
      get: (_, name) =>
        typeof name === "string" && name !== "then"
          ? (input = {}) => called(instance, snake(name), input, plugin.inSources)
          : undefined,
    },
  );
  return gateway;
}

function called(instance, name, input, inSources) {
  const { output, error, stack } = instance.call(name, JSON.stringify(input));
  if (!error) return JSON.parse(output);
  const thrown = new PluginError(error.code, error.message, error);
  if (stack) thrown.stack = inSources(stack);
  throw thrown;
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What a plugin reaches in a test: set its fields before a call and read them after. */
export class Host {
  plugin;
  log = [];
  progress = [];
  emitted = [];
  jobs = new Map();

  constructor({ config = {}, accounts = {}, credentials = {}, media = {}, kv = {}, http } = {}) {
    this.config = config;
    this.accounts = accounts;
    this.credentials = credentials;
    this.media = media;
    this.kv = new Map(Object.entries(kv));
    this.http = http;
  }

  /** Makes a request that a plugin described, against `http`, as the gateway would: for the requests in an answer. */
  do(request) {
    return exchange(this, request);
  }

  /** What an Instance asks. */
  get imports() {
    return {
      call: (name, param) => this.#call(name, param),
      log: (level, message) => {
        this.log.push({ level, message });
      },
    };
  }

  #call(name, param) {
    switch (name) {
      case "log_write":
        return void this.log.push(param);
      case "config_get":
        return { value: this.#section(param.account) };
      case "kv_get":
        return { value: this.kv.get(param.key) };
      case "kv_put":
        this.kv.set(param.key, param.value);
        return { ok: true };
      case "kv_delete":
        this.kv.delete(param.key);
        return { ok: true };
      case "kv_keys":
        return { keys: this.#keys(param.prefix ?? "", Math.min(param.limit || prefixLimit.default, prefixLimit.most)) };
      case "http_request":
        return exchange(this, param);
      case "credential_has":
        return { present: param.name in this.credentials };
      case "credential_refused":
        return { again: false };
      case "credential_sign":
        return signed(this.credentials, param);
      case "credential_scram":
        return scram(this.credentials, param);
      case "schedule_set":
        this.jobs.set(param.id, param);
        return { next: param.at };
      case "schedule_cancel":
        this.jobs.delete(param.id);
        return {};
      case "emit_publish":
        this.emitted.push(param);
        return { ok: true };
      case "progress_report":
        this.progress.push(param.text);
        return { ok: true };
      case "media_link":
        if (param.media in this.media) return { url: `https://gateway.test/media/${param.media}` };
        throw new PluginError("not_found", `there is no file ${param.media}`);
      case "media_stat":
        if (param.media in this.media) return { media: param.media, ...this.media[param.media] };
        throw new PluginError("not_found", `there is no file ${param.media}`);
    }
    throw new PluginError("not_found", `the test host has no function ${name}`);
  }

  #section(account) {
    if (account === undefined) return this.config;
    if (account in this.accounts) return this.accounts[account];
    throw new PluginError("not_found", `there is no account ${account}`);
  }

  #keys(prefix, limit) {
    return [...this.kv.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort()
      .slice(0, limit);
  }
}
