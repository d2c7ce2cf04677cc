use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::rc::Rc;

use super::http::{Request, Response};
use crate::check::checked;
use crate::codec::{Reader, Value, Writer};
use crate::contract::*;
use crate::{Host, Json, Result};

/// A gateway for one test: make it with what it has, call the plugin with its [`host`](Gateway::host), and look at what the
/// plugin has done.
///
/// ```
/// use carapace::test::{Gateway, State};
///
/// let gateway = Gateway::new(State { kv: [("ann".into(), "2".into())].into(), ..State::default() });
/// assert_eq!(gateway.host.kv_get("ann")?, Some("2".into()));
/// gateway.host.info("ann was here");
/// assert_eq!(gateway.state().log[0].message, "ann was here");
/// # Ok::<(), carapace::Error>(())
/// ```
pub struct Gateway {
    /// What the plugin's functions take.
    pub host: Host,
    state: Rc<RefCell<State>>,
}

/// What answers requests.
pub type Server = Box<dyn FnMut(Request) -> Response>;

/// What opens sockets, by their URLs.
pub type Dial = Box<dyn FnMut(&str) -> std::io::Result<Box<dyn Stream>>>;

/// What signs.
pub type Sign = Box<dyn FnMut(&Signing) -> Result<Vec<u8>>>;

/// What says the next message of a login by SCRAM.
pub type Scram = Box<dyn FnMut(&ScramLogin) -> Result<String>>;

/// What answers calls of another plugin's tool.
pub type Tool = Box<dyn FnMut(&Json) -> Result<ToolAnswer>>;

/// A connection of a test's own, such as a `TcpStream`.
pub trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// What a [`Gateway`] has, and what a plugin has done in it. What is a function must not look into the gateway.
#[derive(Default)]
pub struct State {
    /// The plugin's configuration.
    pub config: Json,
    /// The configuration of accounts, by their ids.
    pub accounts: BTreeMap<String, Json>,
    /// By name. Only `http` and sockets ever see them.
    pub credentials: BTreeMap<String, String>,
    /// Answers requests, which arrive with credentials filled in. Without it they are forbidden.
    pub http: Option<Server>,
    /// Opens the sockets of calls. Without it they are forbidden. Starting TLS on one leaves it as it is.
    pub dial: Option<Dial>,
    /// Signs. Without it that is forbidden.
    pub sign: Option<Sign>,
    /// Logs in by SCRAM. Without it that is forbidden.
    pub scram: Option<Scram>,
    /// Answer calls of other plugins' tools, by name.
    pub tools: BTreeMap<String, Tool>,
    /// Files of the media store, by id.
    pub media: BTreeMap<String, MediaInfo>,
    /// What agents answer, by the request's idempotency key. A run without one has not ended.
    pub answers: BTreeMap<String, String>,
    /// The sessions of the owner's agents, the last used one first.
    pub sessions: Vec<SessionSummary>,
    /// What was said in them, by session.
    pub histories: BTreeMap<String, Vec<HistoryMessage>>,

    /// The plugin's records. Times to live are not kept.
    pub kv: BTreeMap<String, String>,
    /// What the plugin wrote.
    pub log: Vec<LogLine>,
    /// What it said of its progress.
    pub progress: Vec<String>,
    /// Events for clients.
    pub emitted: Vec<EmittedEvent>,
    /// Jobs, by their ids.
    pub jobs: BTreeMap<String, ScheduledJob>,
    /// Messages of the plugin's own.
    pub sent: Vec<OutgoingMessage>,
    /// What it asked agents.
    pub runs: Vec<AgentRequest>,

    /// What it has dialled.
    pub sockets: Vec<Box<dyn Stream>>,
}

/// What the test's gateway calls runs and messages begins so.
const OWN: &str = "plugin:test:";

impl Gateway {
    /// A gateway that has this.
    pub fn new(state: State) -> Self {
        let state = Rc::new(RefCell::new(state));
        let answering = state.clone();
        Gateway { host: Host::new(move |name, param| answering.borrow_mut().serve(name, param)), state }
    }

    /// What the gateway has. It has to be let go before the plugin is called again.
    pub fn state(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    /// The same, to be changed between two calls.
    pub fn state_mut(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    /// Makes a request that a plugin described, as the gateway would: for the requests in an answer.
    pub fn request(&self, request: &HttpRequest) -> Result<HttpResponse> {
        self.state_mut().http_request(request.clone())
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Gateway::new(State::default())
    }
}

/// Reads a parameter, refuses what the contract does not allow, and writes the answer.
pub(super) fn answer<P: Value, R: Value>(param: &str, function: impl FnOnce(P) -> Result<R>) -> Result<String> {
    let param = Reader::all(param).map_err(|problem| Error::new(Code::Invalid, problem))?;
    Ok(Writer::all(&function(checked(param)?)?))
}

const DONE: Done = Done { ok: true };

fn not_found<T>(what: &str, name: &str) -> Result<T> {
    Err(Error::new(Code::NotFound, format!("there is no {what} {name}")))
}

fn forbidden<T>(what: &str) -> Result<T> {
    Err(Error::new(Code::Forbidden, format!("the test's gateway has no {what}")))
}

/// How many are asked for: without a number as many as usual, and no more than may be.
fn at_most(asked: u32, usual: u64, most: u64) -> usize {
    match asked {
        0 => usual as usize,
        n => u64::from(n).min(most) as usize,
    }
}

/// The functions of the contract.
impl State {
    pub(super) fn log_write(&mut self, line: LogLine) -> Result<Done> {
        self.log.push(line);
        Ok(DONE)
    }

    pub(super) fn config_get(&mut self, scope: ConfigScope) -> Result<ConfigSection> {
        let value = match &scope.account {
            None => Some(&self.config),
            Some(account) => self.accounts.get(account),
        };
        match value {
            Some(value) => Ok(ConfigSection { value: value.clone() }),
            None => not_found("account", &scope.account.unwrap_or_default()),
        }
    }

    pub(super) fn kv_get(&mut self, key: KvKey) -> Result<KvValue> {
        Ok(KvValue { value: self.kv.get(&key.key).cloned() })
    }

    pub(super) fn kv_put(&mut self, entry: KvEntry) -> Result<Done> {
        self.kv.insert(entry.key, entry.value);
        Ok(DONE)
    }

    pub(super) fn kv_delete(&mut self, key: KvKey) -> Result<Done> {
        self.kv.remove(&key.key);
        Ok(DONE)
    }

    pub(super) fn kv_keys(&mut self, prefix: KvPrefix) -> Result<KvKeys> {
        let limit = at_most(prefix.limit, KvPrefix::LIMIT_DEFAULT, KvPrefix::LIMIT_CUT);
        let found = self.kv.keys().filter(|key| key.starts_with(&prefix.prefix));
        Ok(KvKeys { keys: found.take(limit).cloned().collect() })
    }

    pub(super) fn credential_has(&mut self, query: CredentialQuery) -> Result<CredentialPresence> {
        Ok(CredentialPresence { present: self.credentials.contains_key(&query.name) })
    }

    pub(super) fn credential_refused(&mut self, _: CredentialQuery) -> Result<CredentialRenewal> {
        Ok(CredentialRenewal::default())
    }

    pub(super) fn credential_sign(&mut self, signing: Signing) -> Result<Signature> {
        let Some(sign) = &mut self.sign else { return forbidden("sign") };
        if !self.credentials.contains_key(&signing.key) {
            return Err(Error::new(Code::Unauthorized, format!("credential {} is not set", signing.key)));
        }
        Ok(Signature { bytes: sign(&signing)? })
    }

    pub(super) fn credential_scram(&mut self, login: ScramLogin) -> Result<ScramMessage> {
        let Some(scram) = &mut self.scram else { return forbidden("scram") };
        if !self.credentials.contains_key(&login.password) {
            return Err(Error::new(Code::Unauthorized, format!("credential {} is not set", login.password)));
        }
        Ok(ScramMessage { text: scram(&login)? })
    }

    pub(super) fn schedule_set(&mut self, job: ScheduledJob) -> Result<JobScheduled> {
        let next = job.at;
        self.jobs.insert(job.id.clone(), job);
        Ok(JobScheduled { next })
    }

    pub(super) fn schedule_cancel(&mut self, job: JobReference) -> Result<JobScheduled> {
        self.jobs.remove(&job.id);
        Ok(JobScheduled::default())
    }

    pub(super) fn emit_publish(&mut self, event: EmittedEvent) -> Result<Done> {
        self.emitted.push(event);
        Ok(DONE)
    }

    pub(super) fn progress_report(&mut self, report: ProgressReport) -> Result<Done> {
        self.progress.push(report.text);
        Ok(DONE)
    }

    pub(super) fn media_stat(&mut self, reference: MediaReference) -> Result<MediaInfo> {
        match self.media.get(&reference.media) {
            Some(info) => Ok(info.clone()),
            None => not_found("file", &reference.media),
        }
    }

    pub(super) fn media_link(&mut self, share: MediaShare) -> Result<MediaLink> {
        match self.media.get(&share.media) {
            Some(_) => Ok(MediaLink { url: format!("https://gateway.test/media/{}", share.media) }),
            None => not_found("file", &share.media),
        }
    }

    pub(super) fn message_send(&mut self, message: OutgoingMessage) -> Result<MessageQueued> {
        let delivery = format!("{OWN}{}", message.idempotency_key);
        if !self.sent.iter().any(|m| m.idempotency_key == message.idempotency_key) {
            self.sent.push(message);
        }
        Ok(MessageQueued { delivery })
    }

    pub(super) fn agent_run(&mut self, request: AgentRequest) -> Result<AgentStarted> {
        let run = format!("{OWN}{}", request.idempotency_key);
        if !self.runs.iter().any(|r| r.idempotency_key == request.idempotency_key) {
            self.runs.push(request);
        }
        Ok(AgentStarted { run })
    }

    pub(super) fn agent_wait(&mut self, query: RunQuery) -> Result<RunOutcome> {
        let key = query.run.strip_prefix(OWN).unwrap_or_default();
        if !self.runs.iter().any(|r| r.idempotency_key == key) {
            return not_found("run", &query.run);
        }
        let (state, text) = match self.answers.get(key) {
            Some(text) => (RunState::Done, text.clone()),
            None => (RunState::Running, String::new()),
        };
        Ok(RunOutcome { run: query.run, state, text, ..RunOutcome::default() })
    }

    pub(super) fn session_find(&mut self, filter: SessionFilter) -> Result<SessionPage> {
        let limit = at_most(filter.limit, SessionFilter::LIMIT_DEFAULT, SessionFilter::LIMIT_CUT);
        let fits = |s: &&SessionSummary| filter.agent.as_ref().is_none_or(|agent| s.agent == *agent) && s.updated >= filter.since;
        let mut sessions: Vec<_> =
            self.sessions.iter().filter(fits).skip(filter.offset as usize).take(limit + 1).cloned().collect();
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        Ok(SessionPage { sessions, more })
    }

    pub(super) fn session_read(&mut self, query: HistoryQuery) -> Result<HistoryPage> {
        let Some(all) = self.histories.get(&query.session) else { return not_found("session", &query.session) };
        let mut messages: Vec<_> = all.iter().filter(|m| query.before == 0 || m.number < query.before).cloned().collect();
        let limit = at_most(query.limit, HistoryQuery::LIMIT_DEFAULT, HistoryQuery::LIMIT_CUT);
        let more = messages.len() > limit;
        messages.drain(..messages.len().saturating_sub(limit));
        Ok(HistoryPage { session_id: query.session, messages, more })
    }

    pub(super) fn tools_invoke(&mut self, request: ToolRequest) -> Result<ToolAnswer> {
        match self.tools.get_mut(&request.name) {
            Some(tool) => tool(&request.args),
            None => not_found("tool", &request.name),
        }
    }

    fn socket(&mut self, number: u32) -> Result<&mut Box<dyn Stream>> {
        let at = (number as usize).wrapping_sub(1);
        self.sockets.get_mut(at).map_or_else(|| not_found("socket", &number.to_string()), Ok)
    }

    pub(super) fn socket_open(&mut self, address: SocketAddress) -> Result<SocketReference> {
        let Some(dial) = &mut self.dial else { return forbidden("dial") };
        self.sockets.push(dial(&address.url).map_err(unavailable)?);
        Ok(SocketReference { socket: self.sockets.len() as u32 })
    }

    pub(super) fn socket_read(&mut self, demand: SocketDemand) -> Result<SocketData> {
        let mut bytes = vec![0; at_most(demand.most, SocketDemand::MOST_DEFAULT, SocketDemand::MOST_MAX)];
        let length = self.socket(demand.socket)?.read(&mut bytes).map_err(unavailable)?;
        bytes.truncate(length);
        Ok(SocketData { ended: length == 0, bytes })
    }

    pub(super) fn socket_write(&mut self, writing: SocketWriting) -> Result<Done> {
        let bytes = match writing.text {
            Some(text) => {
                let text = if writing.fill { self.filled(&text)? } else { text };
                if writing.base64 {
                    Writer::all(&text.into_bytes()).trim_matches('"').as_bytes().to_vec()
                } else {
                    text.into_bytes()
                }
            }
            None => writing.bytes,
        };
        self.socket(writing.socket)?.write_all(&bytes).map_err(unavailable)?;
        Ok(DONE)
    }

    /// Takes the file off the socket and notes it in `media` with the size that it has there: nothing is decoded.
    pub(super) fn socket_receive(&mut self, receiving: SocketReceiving) -> Result<ReceivedFile> {
        let mut rest = vec![0; (receiving.size as usize).saturating_sub(receiving.head.len())];
        self.socket(receiving.socket)?.read_exact(&mut rest).map_err(unavailable)?;
        let media = format!("received-{}", self.media.len() + 1);
        let info = MediaInfo {
            media: media.clone(),
            mime: receiving.mime.unwrap_or_default(),
            name: receiving.name,
            size: receiving.size,
        };
        self.media.insert(media.clone(), info);
        Ok(ReceivedFile { media, size: receiving.size })
    }

    pub(super) fn socket_start_tls(&mut self, socket: SocketReference) -> Result<Done> {
        self.socket(socket.socket).map(|_| DONE)
    }

    pub(super) fn socket_close(&mut self, _: SocketReference) -> Result<Done> {
        Ok(DONE) // a test's stream ends with the gateway
    }
}

fn unavailable(cause: std::io::Error) -> Error {
    Error::new(Code::Unavailable, cause.to_string())
}
