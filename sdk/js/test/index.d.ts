// A gateway in memory, for node's own test runner. A plugin runs in the engine that the gateway has, behind the same
// prelude and bundled in the same way.

import type {
  Answer,
  Code,
  EmittedEvent,
  HttpPart,
  HttpRequest,
  HttpResponse,
  Json,
  LogLevel,
  MediaInfo,
  Plugin,
  ScheduledJob,
} from "../contract.js";

/** What the plugin threw, with its trace in the plugin's sources. */
export class PluginError extends Error {
  constructor(code: Code, message: string, options?: { retryable?: boolean; retryAfter?: number });
  readonly code: Code;
  readonly retryable: boolean;
  readonly retryAfter?: number;
}

/** A request as a server would see it: credentials are filled in, names of headers are in lower case. */
export interface ServerRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  text?: string;
  bytes?: Uint8Array;
  parts?: (Omit<HttpPart, "bytes"> & { bytes?: Uint8Array })[];
}

/** What a server answers; 200 without a status. */
export interface ServerResponse {
  status?: number;
  headers?: Record<string, string | string[]>;
  /** The body as text, as bytes, as JSON, or as a file of the media store. */
  text?: string;
  bytes?: Uint8Array;
  json?: Json;
  media?: string;
}

export interface HostOptions {
  /** The plugin's configuration. */
  config?: Json;
  /** The configuration of accounts, by their ids. */
  accounts?: Record<string, Json>;
  /** By name. Only `http` ever sees them. */
  credentials?: Record<string, string>;
  /** Files of the media store, by id. */
  media?: Record<string, Partial<MediaInfo>>;
  kv?: Record<string, string>;
  /** Answers requests, at once. Without it they are forbidden. Throw a PluginError where no response is to come. */
  http?: (request: ServerRequest) => ServerResponse;
}

/** A plugin's functions as a test calls them: with what of the record matters, and at once. */
export type Called = {
  [N in keyof Plugin]-?: (
    input?: Partially<Parameters<NonNullable<Plugin[N]>>[0]>,
  ) => ReturnType<NonNullable<Plugin[N]>> extends Answer<infer T> ? T : never;
};

/** What a test may leave out of a record: everything. */
export type Partially<T> = T extends (infer I)[]
  ? Partially<I>[]
  : T extends Uint8Array
    ? T
    : T extends object
      ? { [K in keyof T]?: Partially<T[K]> }
      : T;

/** A gateway for one plugin: set its fields before a call and read them after. */
export class Host {
  config: Json;
  accounts: Record<string, Json>;
  credentials: Record<string, string>;
  media: Record<string, Partial<MediaInfo>>;
  http?: (request: ServerRequest) => ServerResponse;
  /** The plugin's records. Times to live are not kept. */
  kv: Map<string, string>;
  /** What the plugin wrote, said of its progress, sent and set. */
  log: { level: LogLevel; message: string }[];
  progress: string[];
  emitted: EmittedEvent[];
  jobs: Map<string, ScheduledJob>;
  /**
   * The plugin's functions. Timers are due at once, one after the other. What a function throws is a PluginError, with the code
   * `timeout` if it has not ended by the manifest's `limits.deadline`; then the plugin has ended, and each later call throws that.
   */
  plugin: Called;
  /** Makes a request that a plugin described, against `http`, as the gateway would: for the requests in an answer. */
  do(request: HttpRequest): HttpResponse;
}

/** Starts the plugin in a folder: its path, or the URL of a file in it, as import.meta.url has it. */
export function host(place: string | URL, options?: HostOptions): Promise<Host>;

/**
 * Runs every transcript that matches a pattern such as `testdata/*.jsonl` in the plugin's folder, each as a test of its own,
 * and compares as JSON, so order and spacing of fields are free. Each call has an instance of its own, but those of a service
 * have the one that was started. Log lines need not be in a transcript. With
 * CARAPACE_UPDATE=1 in the environment the transcripts get the new outputs instead, to be looked through before they are
 * committed.
 */
export function replay(place: string | URL, pattern?: string): void;
