use std::marker::PhantomData;

use crate::codec::{Reader, Value, Writer};
use crate::contract::*;
use crate::{imports, Json, Result, Socket};

/// The gateway, as one plugin sees it: all that it can reach.
///
/// Each function but those of the log, the configuration and the progress needs a permission in `plugin.json`; one that is
/// never called is not even imported by the module. What the gateway refuses is an [`Error`].
pub struct Host {
    #[cfg(not(target_family = "wasm"))]
    answer: Answer,
}

/// What answers for the gateway in a test.
#[cfg(not(target_family = "wasm"))]
type Answer = Box<dyn Fn(&str, &str) -> Result<String>>;

/// A function of the contract that plugins call, by what it takes and gives.
pub struct Import<P, R> {
    #[cfg(not(target_family = "wasm"))]
    pub name: &'static str,
    #[cfg(target_family = "wasm")]
    pub function: crate::abi::Function,
    pub types: PhantomData<fn(P) -> R>,
}

/// Declares the functions that plugins call.
macro_rules! declare {
    ($($name:ident($param:ty) -> $result:ty;)*) => {
        #[cfg(target_family = "wasm")]
        mod host {
            #[link(wasm_import_module = "extism:host/user")]
            extern "C" {
                $(pub fn $name(param: u64) -> u64;)*
            }
        }

        $(pub fn $name() -> Import<$param, $result> {
            Import {
                #[cfg(not(target_family = "wasm"))]
                name: stringify!($name),
                #[cfg(target_family = "wasm")]
                function: host::$name,
                types: std::marker::PhantomData,
            }
        })*
    };
}

pub(crate) use declare;

/// How the gateway answers.
#[cfg(target_family = "wasm")]
struct Envelope<R> {
    ok: Option<R>,
    error: Option<Error>,
}

#[cfg(target_family = "wasm")]
impl<R: Value> Value for Envelope<R> {
    fn read(r: &mut Reader) -> Self {
        let mut v = Envelope { ok: None, error: None };
        let mut fields = r.object();
        while let Some(name) = fields.next(r) {
            match &*name {
                "ok" => v.ok = Some(R::read(r)),
                "error" => v.error = Some(Value::read(r)),
                _ => r.skip(),
            }
        }
        v
    }

    fn write(&self, _: &mut Writer) {}
}

impl Host {
    #[cfg(target_family = "wasm")]
    pub(crate) fn new() -> Self {
        Host {}
    }

    /// A gateway whose functions `answer` answers, which gets a function's name, such as `kv_get`, and its parameter, and
    /// returns its result, both as JSON. It is for tests: see [`test`](crate::test).
    #[cfg(not(target_family = "wasm"))]
    pub fn new(answer: impl Fn(&str, &str) -> Result<String> + 'static) -> Self {
        Host { answer: Box::new(answer) }
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn call<P: Value, R: Value>(&self, import: Import<P, R>, param: P) -> Result<R> {
        let answer = crate::abi::call(import.function, &Writer::all(&param));
        let envelope = Reader::all::<Envelope<R>>(&answer).map_err(unreadable)?;
        match (envelope.ok, envelope.error) {
            (_, Some(error)) => Err(error),
            (Some(result), None) => Ok(result),
            (None, None) => Err(unreadable("json: there is neither ok nor error".into())),
        }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn call<P: Value, R: Value>(&self, import: Import<P, R>, param: P) -> Result<R> {
        let answer = (self.answer)(import.name, &Writer::all(&param))?;
        Reader::all(&answer).map_err(unreadable)
    }

    /// Writes a line that only somebody who looks for trouble wants to see. Lines are cut at
    /// [`LogLine::MESSAGE_CUT`] bytes.
    pub fn debug(&self, message: impl Into<String>) {
        self.log(LogLevel::Debug, message.into());
    }

    /// Writes a line for the owner's log.
    pub fn info(&self, message: impl Into<String>) {
        self.log(LogLevel::Info, message.into());
    }

    /// Writes a line about what works, but not as it should.
    pub fn warn(&self, message: impl Into<String>) {
        self.log(LogLevel::Warn, message.into());
    }

    /// Writes a line about what does not work. What a call returns as its error is logged anyway.
    pub fn error(&self, message: impl Into<String>) {
        self.log(LogLevel::Error, message.into());
    }

    fn log(&self, level: LogLevel, message: String) {
        let _ = self.call(imports::log_write(), LogLine { level, message }); // a lost line stops nobody
    }

    /// The plugin's configuration, an object that its schema accepts. Calls that come with it need not ask.
    pub fn config(&self) -> Result<Json> {
        Ok(self.call(imports::config_get(), ConfigScope { account: None })?.value)
    }

    /// The configuration of one of a channel's accounts, `not_found` when there is no such account.
    pub fn account_config(&self, account: &str) -> Result<Json> {
        Ok(self.call(imports::config_get(), ConfigScope { account: Some(account.into()) })?.value)
    }

    /// Says to who watches the running tool how far it is, in place of what was said before. It may be said as often as
    /// there is something to say, and its error need not be looked at.
    pub fn progress(&self, text: impl Into<String>) -> Result<()> {
        self.call(imports::progress_report(), ProgressReport { text: text.into() }).map(drop)
    }

    /// What is kept under a key, none when nothing is. Permission `kv`, like all of kv.
    pub fn kv_get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.call(imports::kv_get(), KvKey { key: key.into() })?.value)
    }

    /// Keeps a value, for `ttl` milliseconds or, with 0, until it is deleted.
    pub fn kv_put(&self, key: &str, value: impl Into<String>, ttl: i64) -> Result<()> {
        self.call(imports::kv_put(), KvEntry { key: key.into(), value: value.into(), ttl }).map(drop)
    }

    /// Forgets a key. Forgetting what is not there is no error.
    pub fn kv_delete(&self, key: &str) -> Result<()> {
        self.call(imports::kv_delete(), KvKey { key: key.into() }).map(drop)
    }

    /// The keys that begin with a prefix, in order: at most `limit` of them, [`KvPrefix::LIMIT_DEFAULT`] when that is 0.
    pub fn kv_keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>> {
        Ok(self.call(imports::kv_keys(), KvPrefix { prefix: prefix.into(), limit })?.keys)
    }

    /// Makes a request and waits for its response. Permission `http`; a host, method or path that the permission does not
    /// name is `forbidden`. A status of 400 and above is a response and no error; without a response the error is
    /// `unavailable` or `timeout`. Not for what is pure, such as a channel's event.
    pub fn http(&self, request: HttpRequest) -> Result<HttpResponse> {
        let response = self.call(imports::http_request(), request)?;
        match response.error {
            None if response.status == 0 => Err(Error::new(Code::Unavailable, "no response came")),
            Some(error) if response.status == 0 => Err(error),
            _ => Ok(response),
        }
    }

    /// Opens a socket to `tcp://host:port` or `tls://host:port`. Permission `http`, whose hosts have to name it with its
    /// port, or as `config:field` of such a URL. Not for what is pure.
    pub fn dial(&self, url: &str) -> Result<Socket<'_>> {
        let opened = self.call(imports::socket_open(), SocketAddress { url: url.into() })?;
        Ok(Socket::new(self, opened.socket))
    }

    /// Whether the owner has set a credential: the account's own, or without one the plugin's. Its value never reaches a
    /// plugin: `{{credential:name}}` in a request stands for it. Permission `credential`.
    pub fn has_credential(&self, name: &str, account: Option<&str>) -> Result<bool> {
        let query = CredentialQuery { name: name.into(), account: account.map(Into::into) };
        Ok(self.call(imports::credential_has(), query)?.present)
    }

    /// Says that a server did not take the access token that was put into a frame or onto a socket last, and whether it is worth
    /// logging in once more, with another one. Permission `credential`.
    pub fn credential_refused(&self, name: &str, account: Option<&str>) -> Result<bool> {
        let query = CredentialQuery { name: name.into(), account: account.map(Into::into) };
        Ok(self.call(imports::credential_refused(), query)?.again)
    }

    /// Signs with a credential of the account whose call runs, or else of the plugin's. An error with the code
    /// `unauthorized` says that the owner has not set it. Permission `credential`.
    pub fn sign(&self, signing: Signing) -> Result<Vec<u8>> {
        Ok(self.call(imports::credential_sign(), signing)?.bytes)
    }

    /// The next message of a login by SCRAM: without `first` the client's first, with the server's `challenge` its last, and
    /// with the `outcome` none, when the server has proved that it knows the password. Permission `credential`.
    pub fn scram(&self, login: ScramLogin) -> Result<String> {
        Ok(self.call(imports::credential_scram(), login)?.text)
    }

    /// Sets a job, in place of one with the same id, and returns when it is next due, in milliseconds since the Unix epoch.
    /// The plugin is a [`Schedule`](crate::Schedule) to be called. Permission `schedule`.
    pub fn schedule(&self, job: ScheduledJob) -> Result<Option<i64>> {
        Ok(self.call(imports::schedule_set(), job)?.next)
    }

    /// Takes a job back. Taking back what is not there is no error.
    pub fn unschedule(&self, id: &str) -> Result<()> {
        self.call(imports::schedule_cancel(), JobReference { id: id.into() }).map(drop)
    }

    /// Sends an event to the gateway's clients, who see it under the plugin's id. Permission `emit`.
    pub fn emit(&self, name: &str, payload: Json) -> Result<()> {
        self.call(imports::emit_publish(), EmittedEvent { name: name.into(), payload }).map(drop)
    }

    /// Describes a file of the media store, `not_found` when it is gone. Permission `media`.
    pub fn media_stat(&self, media: &str) -> Result<MediaInfo> {
        self.call(imports::media_stat(), MediaReference { media: media.into() })
    }

    /// Gives an address by which anybody may read a file for so many milliseconds. Permission `media`.
    pub fn media_link(&self, media: &str, within: i64) -> Result<String> {
        self.call(imports::media_link(), MediaShare { media: media.into(), within }).map(|link| link.url)
    }

    /// Queues a message through one of the gateway's channels, and returns what the gateway calls it. The same
    /// `idempotency_key` again is the same message, so whatever is repeated after a crash sends it once. Permission
    /// `messageSend`.
    pub fn send(&self, message: OutgoingMessage) -> Result<String> {
        Ok(self.call(imports::message_send(), message)?.delivery)
    }

    /// Asks one of the owner's agents, and returns what the run is called without waiting for it. The same
    /// `idempotency_key` again is the same run. Permission `agentRun`.
    pub fn run_agent(&self, request: AgentRequest) -> Result<String> {
        Ok(self.call(imports::agent_run(), request)?.run)
    }

    /// Tells how a run stands when it has ended or so many milliseconds are over; with 0 at once. It counts for the
    /// deadline of the plugin's call. A run that has not ended by then is no error.
    pub fn wait_for_run(&self, run: &str, wait: i64) -> Result<RunOutcome> {
        self.call(imports::agent_wait(), RunQuery { run: run.into(), wait })
    }

    /// Lists sessions of one of the owner's agents, the last used one first. Permission `sessionRead`.
    pub fn sessions(&self, filter: SessionFilter) -> Result<SessionPage> {
        self.call(imports::session_find(), filter)
    }

    /// Reads a part of what was said in a session, the newest messages unless the query says before which. Permission
    /// `sessionRead`.
    pub fn history(&self, query: HistoryQuery) -> Result<HistoryPage> {
        self.call(imports::session_read(), query)
    }

    /// Calls another plugin's tool, with arguments that fit its schema, and waits for the answer, which counts for the
    /// deadline of the plugin's call. Permission `toolInvoke`.
    pub fn invoke_tool(&self, name: &str, args: Json) -> Result<ToolAnswer> {
        self.call(imports::tools_invoke(), ToolRequest { name: name.into(), args })
    }
}

fn unreadable(problem: String) -> Error {
    Error::new(Code::Internal, format!("the gateway's answer cannot be read: {problem}"))
}
