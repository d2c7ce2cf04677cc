// What a plugin finds beside the language itself (ES2023). The package's README says what is missing of each.

export {};

declare global {
  interface Console {
    debug(...values: unknown[]): void;
    log(...values: unknown[]): void;
    info(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    dir(value: unknown): void;
    table(value: unknown): void;
    trace(...values: unknown[]): void;
    assert(holds: unknown, ...values: unknown[]): void;
    count(label?: string): void;
    countReset(label?: string): void;
    time(label?: string): void;
    timeLog(label?: string, ...values: unknown[]): void;
    timeEnd(label?: string): void;
    group(...values: unknown[]): void;
    groupCollapsed(...values: unknown[]): void;
    groupEnd(): void;
  }
  /** Writes to the plugin's log: `debug` and `trace` as debug, `log` and `info` as info, `warn`, `error`. */
  var console: Console;

  /** Timers of the call that is running: what is left of them when it ends never fires. */
  function setTimeout<A extends unknown[]>(action: (...args: A) => void, after?: number, ...args: A): number;
  function setInterval<A extends unknown[]>(action: (...args: A) => void, after?: number, ...args: A): number;
  function clearTimeout(id?: number): void;
  function clearInterval(id?: number): void;
  function queueMicrotask(action: () => void): void;

  function structuredClone<T>(value: T): T;
  function atob(text: string): string;
  function btoa(text: string): string;
  var performance: { now(): number };

  class TextEncoder {
    readonly encoding: "utf-8";
    encode(text?: string): Uint8Array<ArrayBuffer>;
    encodeInto(text: string, target: Uint8Array): { read: number; written: number };
  }
  /** UTF-8 alone. */
  class TextDecoder {
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: "utf-8";
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    decode(input?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
  }

  interface Uint8Array<TArrayBuffer extends ArrayBufferLike> {
    toBase64(options?: { alphabet?: "base64" | "base64url"; omitPadding?: boolean }): string;
    toHex(): string;
    /** Bytes are base64 in JSON, as the contract has them. */
    toJSON(): string;
  }
  interface Uint8ArrayConstructor {
    fromBase64(text: string, options?: { alphabet?: "base64" | "base64url" }): Uint8Array<ArrayBuffer>;
    fromHex(text: string): Uint8Array<ArrayBuffer>;
  }

  class DOMException extends Error {
    constructor(message?: string, name?: string);
    readonly code: number;
  }

  type BufferSource = ArrayBuffer | ArrayBufferView;

  class URL {
    constructor(url: string | URL, base?: string | URL);
    static canParse(url: string | URL, base?: string | URL): boolean;
    static parse(url: string | URL, base?: string | URL): URL | null;
    href: string;
    readonly origin: string;
    protocol: string;
    username: string;
    password: string;
    host: string;
    hostname: string;
    port: string;
    pathname: string;
    search: string;
    readonly searchParams: URLSearchParams;
    hash: string;
    toString(): string;
    toJSON(): string;
  }
  class URLSearchParams {
    constructor(init?: string | Record<string, string> | Iterable<[string, string]> | URLSearchParams);
    readonly size: number;
    append(name: string, value: string): void;
    set(name: string, value: string): void;
    get(name: string): string | null;
    getAll(name: string): string[];
    has(name: string, value?: string): boolean;
    delete(name: string, value?: string): void;
    sort(): void;
    forEach(action: (value: string, name: string, params: URLSearchParams) => void, thisArg?: unknown): void;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
    toString(): string;
  }

  class AbortSignal {
    private constructor();
    static abort(reason?: unknown): AbortSignal;
    static timeout(after: number): AbortSignal;
    static any(signals: Iterable<AbortSignal>): AbortSignal;
    readonly aborted: boolean;
    readonly reason: unknown;
    onabort: ((event: { type: "abort"; target: AbortSignal }) => void) | null;
    throwIfAborted(): void;
    addEventListener(
      type: "abort",
      listener: (event: { type: "abort"; target: AbortSignal }) => void,
      options?: { once?: boolean },
    ): void;
    removeEventListener(type: "abort", listener: (event: { type: "abort"; target: AbortSignal }) => void): void;
  }
  class AbortController {
    readonly signal: AbortSignal;
    abort(reason?: unknown): void;
  }

  class Blob {
    constructor(parts?: Iterable<string | BufferSource | Blob>, options?: { type?: string });
    readonly size: number;
    readonly type: string;
    slice(start?: number, end?: number, type?: string): Blob;
    text(): Promise<string>;
    bytes(): Promise<Uint8Array<ArrayBuffer>>;
    arrayBuffer(): Promise<ArrayBuffer>;
  }
  class File extends Blob {
    constructor(
      parts: Iterable<string | BufferSource | Blob>,
      name: string,
      options?: { type?: string; lastModified?: number },
    );
    readonly name: string;
    readonly lastModified: number;
  }
  class FormData {
    append(name: string, value: string | Blob, fileName?: string): void;
    set(name: string, value: string | Blob, fileName?: string): void;
    get(name: string): string | File | null;
    getAll(name: string): (string | File)[];
    has(name: string): boolean;
    delete(name: string): void;
    forEach(action: (value: string | File, name: string, form: FormData) => void, thisArg?: unknown): void;
    entries(): IterableIterator<[string, string | File]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string | File>;
    [Symbol.iterator](): IterableIterator<[string, string | File]>;
  }

  type HeadersInit = Headers | Record<string, string> | Iterable<[string, string]>;
  class Headers {
    constructor(init?: HeadersInit);
    append(name: string, value: string): void;
    set(name: string, value: string): void;
    get(name: string): string | null;
    getSetCookie(): string[];
    has(name: string): boolean;
    delete(name: string): void;
    forEach(action: (value: string, name: string, headers: Headers) => void, thisArg?: unknown): void;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
  }
  type BodyInit = string | BufferSource | Blob | FormData | URLSearchParams;
  interface Body {
    readonly body: null;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    json(): Promise<any>;
    bytes(): Promise<Uint8Array<ArrayBuffer>>;
    arrayBuffer(): Promise<ArrayBuffer>;
    blob(): Promise<Blob>;
  }
  interface RequestInit {
    method?: string;
    headers?: HeadersInit;
    body?: BodyInit | null;
    /** Its timeout bounds the request; what aborts otherwise comes too late for one that has begun. */
    signal?: AbortSignal | null;
    /** Replace `{{credential:name}}` in the query and the body too: see the contract's HttpRequest. */
    fill?: boolean;
  }
  interface Request extends Body {}
  class Request {
    constructor(input: string | URL | Request, init?: RequestInit);
    readonly url: string;
    readonly method: string;
    readonly headers: Headers;
    readonly signal: AbortSignal;
    readonly fill: boolean;
    clone(): Request;
  }
  interface Response extends Body {}
  class Response {
    constructor(body?: BodyInit | null, init?: { status?: number; statusText?: string; headers?: HeadersInit });
    static json(data: unknown, init?: { status?: number; statusText?: string; headers?: HeadersInit }): Response;
    static error(): Response;
    readonly status: number;
    readonly statusText: string;
    readonly ok: boolean;
    readonly headers: Headers;
    readonly url: string;
    readonly redirected: boolean;
    readonly type: string;
    /** A body that is too large to be read, as a file of the media store. */
    readonly media?: string;
    clone(): Response;
  }
  /** A request of the permission `http`. It is made while the plugin waits, so two of them never run at once. Rejects with a PluginError where no response came. */
  function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

  class CryptoKey {
    private constructor();
    readonly type: "secret";
    readonly extractable: boolean;
    readonly algorithm: { readonly name: "HMAC"; readonly hash: { readonly name: string }; readonly length: number };
    readonly usages: readonly ("sign" | "verify")[];
  }
  type HashName = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";
  /** Digests and HMAC, with SHA-1, SHA-256, SHA-384 and SHA-512. */
  var crypto: {
    randomUUID(): string;
    getRandomValues<T extends ArrayBufferView>(target: T): T;
    subtle: {
      digest(algorithm: HashName | { name: HashName }, data: BufferSource): Promise<ArrayBuffer>;
      importKey(
        format: "raw",
        data: BufferSource,
        algorithm: { name: "HMAC"; hash: HashName | { name: HashName } },
        extractable: boolean,
        usages: ("sign" | "verify")[],
      ): Promise<CryptoKey>;
      sign(algorithm: "HMAC" | { name: "HMAC" }, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
      verify(
        algorithm: "HMAC" | { name: "HMAC" },
        key: CryptoKey,
        signature: BufferSource,
        data: BufferSource,
      ): Promise<boolean>;
    };
  };
}
