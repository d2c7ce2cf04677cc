// What a plugin asks of the gateway. All of it but the first three groups needs a permission in plugin.json; what is refused
// is thrown as a PluginError. Everything here waits for its answer.

import type {
  AgentRequest,
  Code,
  ErrorRecord,
  HistoryPage,
  HistoryQuery,
  HttpPart,
  HttpRequest,
  HttpResponse,
  Imports,
  Json,
  MediaInfo,
  OutgoingMessage,
  ReceivedFile,
  ReceivedHeader,
  Recording,
  RunOutcome,
  ScheduledJob,
  ScramLogin,
  SessionFilter,
  SessionPage,
  Signing,
  SocketData,
  SocketReceiving,
  ToolAnswer,
  ToolOutput,
} from "./contract.js";

export type * from "./contract.js";

/** The contract's error: thrown by what the gateway refuses, and to be thrown by a plugin. Anything else that a plugin throws is `internal`. */
export class PluginError extends Error {
  constructor(code: Code, message: string, options?: { retryable?: boolean; retryAfter?: number; cause?: unknown });
  /** The error of a record: of a response, say. */
  static from(error: ErrorRecord): PluginError;
  readonly code: Code;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** Not before this many milliseconds. */
  readonly retryAfter?: number;
  /** The error as data, as an answer holds it. */
  toJSON(): { code: Code; message: string; retryable?: boolean; retryAfter?: number };
}

/** Calls a function of the contract by its name there. What is below says the same in fewer words. */
export function call<N extends keyof Imports>(name: N, param: Parameters<Imports[N]>[0]): ReturnType<Imports[N]>;

/** Lines for the plugin's log. `console` writes there too. */
export const log: {
  /** What only somebody who looks for trouble wants to see. */
  debug(message: string): void;
  info(message: string): void;
  /** What works, but not as it should. */
  warn(message: string): void;
  /** What does not work. What a call throws is logged anyway. */
  error(message: string): void;
};

export const config: {
  /** The plugin's configuration, or that of one of a channel's accounts: `not_found` when there is no such account. Calls that come with it need not ask. */
  get(account?: string): Json;
};

/** Says to who watches the running tool how far it is, in place of what was said before. */
export function progress(text: string): void;

/** The plugin's own records. Permission `kv`. */
export const kv: {
  /** What is kept under a key, undefined when nothing is. */
  get(key: string): string | undefined;
  /** Keeps a value, for `ttl` milliseconds or, without one, until it is deleted. */
  put(key: string, value: string, ttl?: number): void;
  /** Forgets a key. Forgetting what is not there is no error. */
  delete(key: string): void;
  /** The keys that begin with a prefix, in order: 100 without a limit, and never more than 1,000. */
  keys(prefix?: string, limit?: number): string[];
};

/** HTTP. Permission `http`; not for a channel's events. `fetch` is the same as a promise. */
export const http: {
  /** Makes a request and waits for its response. A status of 400 and above is a response and no error. */
  request(request: HttpRequest): HttpResponse;
  /** The first header of a name, in whatever case a server writes it, "" for none. */
  header(headers: ReceivedHeader[], name: string): string;
};

export const credential: {
  /** Whether the owner has set a credential: the account's own, or without one the plugin's. Its value never reaches a plugin: `{{credential:name}}` in a request stands for it. Permission `credential`. */
  has(name: string, account?: string): boolean;
  /** Says that a server did not take the access token that was put into a frame or onto a socket last, and whether it is worth logging in once more, with another one. Permission `credential`. */
  refused(name: string, account?: string): boolean;
  /** Signs with a credential of the account whose call runs, or else of the plugin's: a text or bytes. Its value never reaches a plugin. Permission `credential`. */
  sign(signing: Signing): Uint8Array;
  /** The next message of a login by SCRAM: without `first` the client's first, with the server's `challenge` its last, and with the `outcome` "" where the server has proved that it knows the password. Permission `credential`. */
  scram(login: ScramLogin): string;
};

/** Later calls, of `scheduleFire`. Permission `schedule`. */
export const schedule: {
  /** Sets a job, in place of one with the same id, and returns when it is next due, in milliseconds since the Unix epoch. */
  set(job: ScheduledJob): number | undefined;
  /** Takes a job back. Taking back what is not there is no error. */
  cancel(id: string): void;
};

/** Sends an event to the gateway's clients, who see it under the plugin's id. Permission `emit`. */
export function emit(name: string, payload?: Json): void;

export const media: {
  /**
   * Returns an address by which anybody may read the file for so many milliseconds, 30 days at most: for platforms that fetch what they
   * are sent. `forbidden` where the owner has not set gateway.publicUrl.
   */
  link(id: string, within: number): string;
  /** Describes a file of the media store, `not_found` when it is gone. Permission `media`. */
  stat(id: string): MediaInfo;
};

export const stt: {
  /**
   * A recording as a part of a request, under the name that the server's form has for it; the gateway puts the file in. It
   * is called by its type, because servers go by the ending, and not by its own name, which is nobody's business there.
   */
  part(name: string, recording: Recording): HttpPart;
};

export const message: {
  /** Queues a message through one of the gateway's channels, and returns what the gateway calls it. The same `idempotencyKey` again is the same message. Permission `messageSend`. */
  send(message: OutgoingMessage): string;
};

export const agent: {
  /** Asks one of the owner's agents, and returns what the run is called without waiting for it. The same `idempotencyKey` again is the same run. Permission `agentRun`. */
  run(request: AgentRequest): string;
  /** How a run stands when it has ended or so many milliseconds are over; without them at once. It counts for the deadline of the plugin's call. */
  wait(run: string, wait?: number): RunOutcome;
};

export const session: {
  /** Sessions of one of the owner's agents, the last used one first. Permission `sessionRead`. */
  find(filter?: SessionFilter): SessionPage;
  /** A part of what was said in a session, the newest messages unless the query says before which. Permission `sessionRead`. */
  read(query: HistoryQuery): HistoryPage;
};

export const tools: {
  /** Calls another plugin's tool, with arguments that fit its schema, and waits for the answer. Permission `toolInvoke`. */
  invoke(name: string, args?: Json): ToolAnswer;
};

/** A connection for a dialogue inside of one call, to a host of the permission `http`. It is closed when the call ends. */
export interface Socket {
  /** What has come, 64 KiB at most: at least one byte, unless the other side has ended it. */
  read(most?: number): SocketData;
  /** Writes a text or bytes, 1 MiB at most. `fill` replaces `{{credential:name}}` in a text, which has to be the plugin's own words; `base64` writes the text so, as logins have it. */
  write(data: string | Uint8Array, options?: { fill?: boolean; base64?: boolean }): void;
  /** Keeps what comes next, so many bytes as `size` says, in the media store, without reading it; `read` is what of it was read already. Permission `media`. */
  receive(file: Omit<SocketReceiving, "socket">): ReceivedFile;
  /** Goes on encrypted, once the other side has agreed to it. */
  startTls(): void;
  close(): void;
}

export const socket: {
  /** Opens `tcp://host:port` or `tls://host:port`. */
  open(url: string): Socket;
};

/** The output of a tool that is one text. */
export function text(text: string): ToolOutput;

/** The output of a tool that ran and has bad news for the model: what is wrong and how to ask better. */
export function failed(text: string): ToolOutput;
