//! The gateway for tests does what the gateway does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use carapace::test::{Dial, Gateway, Response, State};
use carapace::{
    export, json, AgentRequest, BasicLogin, Code, Error, HistoryMessage, HistoryQuery, Hook, HookDecision, HookEvent, Host,
    HttpPart, HttpRequest, Json, MediaInfo, OutgoingMessage, Part, PartKind, Result, RunState, ScheduledJob, ScramLogin, Service,
    ServiceHealth, ServiceMoment, SessionFilter, SessionSummary, Signing, Tool, ToolInvocation, ToolOutput,
};

fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    result.unwrap_err().code
}

#[test]
fn records_are_kept() -> Result<()> {
    let gateway = Gateway::default();
    let host = &gateway.host;
    host.kv_put("b:2", "two", 0)?;
    host.kv_put("b:1", "one", 1000)?;
    host.kv_put("c", "", 0)?;
    assert_eq!(host.kv_keys("b:", 0)?, ["b:1", "b:2"]);
    assert_eq!(host.kv_keys("", 2)?, ["b:1", "b:2"]);
    assert_eq!(host.kv_get("c")?, Some(String::new()));
    host.kv_delete("c")?;
    assert_eq!(host.kv_get("c")?, None);
    Ok(())
}

#[test]
fn credentials_are_filled_in_where_the_gateway_does_it() -> Result<()> {
    let gateway = Gateway::new(State {
        credentials: [("key".into(), "s3cret".into())].into(),
        http: Some(Box::new(|r| {
            let parts: Vec<_> = r.parts.iter().map(|p| p.text.clone().unwrap()).collect();
            Response::json(json!([
                r.method,
                r.url,
                r.headers.get("x").or(r.headers.get("content-type")).cloned(),
                String::from_utf8(r.body).unwrap(),
                parts
            ]))
        })),
        ..State::default()
    });
    let secret = "{{credential:key}}";
    let request = HttpRequest {
        url: format!("http://a/{secret}?q={secret}"),
        headers: vec![carapace::Header::new("X", format!("{secret}{{{{credential:no name}}}}"))],
        text: Some(secret.into()),
        parts: vec![HttpPart { text: Some(secret.into()), ..HttpPart::default() }],
        ..HttpRequest::default()
    };
    let said = |request: HttpRequest| gateway.host.http(request).map(|r| r.text.unwrap_or_default());
    let header = "s3cret{{credential:no name}}";
    let plain = json!(["GET", format!("http://a/s3cret?q={secret}"), header, secret, json!([secret])]);
    assert_eq!(said(request.clone())?, plain.to_string());
    let filled = json!(["GET", "http://a/s3cret?q=s3cret", header, "s3cret", json!(["s3cret"])]);
    assert_eq!(said(HttpRequest { fill: true, ..request })?, filled.to_string());
    let body = HttpRequest { json: Some(json!({ "a": secret })), ..HttpRequest::default() };
    assert_eq!(said(body)?, json!(["GET", "", "application/json", "{\"a\":\"{{credential:key}}\"}", json!([])]).to_string());
    let unset = HttpRequest { url: "http://a/{{credential:other}}".into(), ..HttpRequest::default() };
    assert_eq!(code(gateway.host.http(unset)), Code::Unauthorized);
    assert_eq!(code(Gateway::default().host.http(HttpRequest::default())), Code::Forbidden);
    Ok(())
}

#[test]
fn a_login_has_the_password_that_the_plugin_does_not_see() -> Result<()> {
    let gateway = Gateway::new(State {
        credentials: [("key".into(), "s3cret".into())].into(),
        http: Some(Box::new(|r| Response::text(200, r.headers["authorization"].clone()))),
        ..State::default()
    });
    let ask = |password: &str| {
        let basic = Some(BasicLogin { user: "ann".into(), password: password.into() });
        gateway.host.http(HttpRequest { url: "http://a/".into(), basic, ..HttpRequest::default() })
    };
    assert_eq!(ask("key")?.text.unwrap(), "Basic YW5uOnMzY3JldA==");
    assert_eq!(code(ask("other")), Code::Unauthorized);
    Ok(())
}

#[test]
fn files_have_addresses() -> Result<()> {
    let gateway = Gateway::new(State { media: [("m1".into(), MediaInfo::default())].into(), ..State::default() });
    assert_eq!(gateway.host.media_link("m1", 60_000)?, "https://gateway.test/media/m1");
    assert_eq!(code(gateway.host.media_link("m2", 60_000)), Code::NotFound);
    Ok(())
}

#[test]
fn what_is_said_twice_with_a_key_is_said_once() -> Result<()> {
    let gateway = Gateway::new(State { answers: [("a".into(), "42".into())].into(), ..State::default() });
    for _ in 0..2 {
        let to = Some("agent:main:main".into());
        let message =
            OutgoingMessage { session: to, text: "hi".into(), idempotency_key: "m".into(), ..OutgoingMessage::default() };
        assert_eq!(gateway.host.send(message)?, "plugin:test:m");
    }
    assert_eq!(gateway.state().sent.len(), 1);
    let ask = |key: &str| {
        gateway.host.run_agent(AgentRequest {
            message: "how much?".into(),
            idempotency_key: key.into(),
            ..AgentRequest::default()
        })
    };
    let (answered, open) = (ask("a")?, ask("b")?);
    let outcome = gateway.host.wait_for_run(&answered, 0)?;
    assert_eq!((outcome.state, outcome.text.as_str()), (RunState::Done, "42"));
    assert_eq!(gateway.host.wait_for_run(&open, 0)?.state, RunState::Running);
    assert_eq!(code(gateway.host.wait_for_run("plugin:test:c", 0)), Code::NotFound);
    Ok(())
}

#[test]
fn pages_have_their_bounds() -> Result<()> {
    let message = |number| HistoryMessage { number, ..HistoryMessage::default() };
    let summary =
        |n: i64| SessionSummary { session: n.to_string(), agent: "main".into(), updated: n, ..SessionSummary::default() };
    let gateway = Gateway::new(State {
        sessions: (0..30).rev().map(summary).collect(),
        histories: [("s".into(), (1..=60).map(message).collect())].into(),
        ..State::default()
    });
    let page = gateway.host.sessions(SessionFilter::default())?;
    assert_eq!((page.sessions.len(), page.more), (20, true));
    let page = gateway.host.sessions(SessionFilter { since: 25, offset: 1, ..SessionFilter::default() })?;
    assert_eq!((page.sessions.len(), page.more), (4, false));
    let page = gateway.host.history(HistoryQuery { session: "s".into(), ..HistoryQuery::default() })?;
    assert_eq!((page.messages[0].number, page.messages.len(), page.more), (11, 50, true));
    let page = gateway.host.history(HistoryQuery { session: "s".into(), before: 3, limit: 1 })?;
    assert_eq!((page.messages[0].number, page.more), (2, true));
    assert_eq!(code(gateway.host.history(HistoryQuery { session: "t".into(), ..HistoryQuery::default() })), Code::NotFound);
    Ok(())
}

#[test]
fn the_rest_of_what_a_plugin_may_ask_for() -> Result<()> {
    let gateway = Gateway::new(State {
        config: json!({ "a": 1 }),
        accounts: [("home".into(), json!({ "b": 2 }))].into(),
        credentials: [("key".into(), "x".into())].into(),
        sign: Some(Box::new(|s| Ok(s.text.clone().unwrap_or_default().into_bytes()))),
        scram: Some(Box::new(|l| Ok(format!("n,,n={}", l.user)))),
        tools: [("price".into(), Box::new(|_: &Json| Err(Error::new(Code::Timeout, "late"))) as carapace::test::Tool)].into(),
        ..State::default()
    });
    let host = &gateway.host;
    assert_eq!(host.config()?["a"].as_i64(), Some(1));
    assert_eq!(host.account_config("home")?["b"].as_i64(), Some(2));
    assert_eq!(code(host.account_config("work")), Code::NotFound);
    assert!(host.has_credential("key", None)? && !host.has_credential("other", Some("home"))?);
    let sign = |key: &str| host.sign(Signing { key: key.into(), text: Some("t".into()), ..Signing::default() });
    assert_eq!(sign("key")?, b"t");
    assert_eq!(code(sign("other")), Code::Unauthorized);
    let scram =
        |password: &str| host.scram(ScramLogin { password: password.into(), user: "ann".into(), ..ScramLogin::default() });
    assert_eq!(scram("key")?, "n,,n=ann");
    assert_eq!(code(scram("other")), Code::Unauthorized);
    assert_eq!(host.schedule(ScheduledJob { id: "j".into(), at: Some(7), ..ScheduledJob::default() })?, Some(7));
    assert!(gateway.state().jobs.contains_key("j"));
    host.unschedule("j")?;
    assert!(gateway.state().jobs.is_empty());
    host.emit("done", json!(null))?;
    host.progress("half")?;
    host.warn("careful");
    assert_eq!((gateway.state().emitted.len(), gateway.state().progress.len(), gateway.state().log.len()), (1, 1, 1));
    assert_eq!(code(host.media_stat("m")), Code::NotFound);
    assert_eq!(code(host.invoke_tool("price", json!({}))), Code::Timeout);
    assert_eq!(code(host.invoke_tool("weather", json!({}))), Code::NotFound);
    Ok(())
}

/// What the contract does not allow is refused as the gateway refuses it: on the way to it, and of an answer.
#[test]
fn bounds_are_kept() {
    let gateway = Gateway::default();
    let host = &gateway.host;
    let refused = |result: Result<()>, code: Code, message: &str| {
        let error = result.unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (code, message));
    };
    refused(host.kv_put("", "x", 0), Code::Invalid, "key: is missing");
    refused(host.kv_put(&"k".repeat(257), "x", 0), Code::Invalid, "key: has 257 bytes, 1 to 256 are allowed");
    refused(host.kv_put("k", "x".repeat((64 << 10) + 1), 0), Code::TooLarge, "value: has 65537 bytes, at most 65536 are allowed");
    refused(host.kv_put("k", "x", -1), Code::Invalid, "ttl: -1 is not at least 0");
    host.kv_put(&"k".repeat(256), "x".repeat(64 << 10), 0).unwrap();
    refused(host.emit("no spaces", json!(1)), Code::Invalid, "name: \"no spaces\" is not 1 to 64 of a-z 0-9 . _ -");
    refused(host.emit("", json!(1)), Code::Invalid, "name: is missing: use 1 to 64 of a-z 0-9 . _ -");
    refused(host.invoke_tool("price", json!([])).map(drop), Code::Invalid, "args: is not an object");
    let signing = Signing { key: "k".into(), ..Signing::default() };
    refused(host.sign(signing).map(drop), Code::Invalid, "text, bytes: give one of them");
    refused(
        host.http(HttpRequest { timeout: -1, ..HttpRequest::default() }).map(drop),
        Code::Invalid,
        "timeout: -1 is not at least 0",
    );

    #[derive(Default)]
    struct Talker;
    export!(Talker: Tool);
    impl Tool for Talker {
        fn invoke(&self, _: &Host, _: ToolInvocation) -> Result<ToolOutput> {
            let odd = Part { kind: PartKind::Unknown("smell".into()), ..Part::default() };
            Ok(ToolOutput { content: vec![Part::default(), odd], failed: false })
        }
    }
    let answer = carapace::guest::Plugin::call(&mut Talker, host, "tool_invoke", "{}").map(drop);
    refused(answer, Code::Invalid, "content[1].kind: \"smell\" is not known");
}

/// A dialogue with a server of the test's own.
#[test]
fn sockets() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"hello\r\nmore\nlast").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut got = String::new();
        stream.read_to_string(&mut got).unwrap();
        got
    });
    let dial: Dial = Box::new(move |_| Ok(Box::new(TcpStream::connect(address)?)));
    let gateway =
        Gateway::new(State { credentials: [("key".into(), "s3cret".into())].into(), dial: Some(dial), ..State::default() });
    let mut socket = gateway.host.dial("tcp://there:25")?;
    assert_eq!(socket.line()?, Some("hello".into()));
    socket.write_all(b"ehlo\r\n").unwrap();
    socket.fill("{{credential:key}} ")?;
    socket.fill_base64("\0me\0{{credential:key}}")?;
    assert_eq!(socket.line()?, Some("more".into()));
    assert_eq!(code(socket.line()), Code::Unavailable);
    let mut rest = String::new();
    socket.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "last");
    assert_eq!(code(socket.fill("{{credential:other}}")), Code::Unauthorized);
    drop(gateway);
    assert_eq!(server.join().unwrap(), "ehlo\r\ns3cret AG1lAHMzY3JldA==");
    assert_eq!(code(Gateway::default().host.dial("tcp://there:25").map(drop)), Code::Forbidden);
    Ok(())
}

/// Two kinds in one plugin, of which one keeps something.
#[derive(Default)]
struct Both {
    asked: u32,
}

export!(Both: Hook, Service);

impl Hook for Both {
    fn handle(&self, _: &Host, _: HookEvent) -> Result<HookDecision> {
        Ok(HookDecision { cancel: true, ..HookDecision::default() })
    }
}

impl Service for Both {
    fn start(&mut self, _: &Host, _: carapace::ServiceStart) -> Result<carapace::Done> {
        Ok(carapace::Done { ok: true })
    }

    fn stop(&mut self, _: &Host, _: carapace::ServiceStop) -> Result<carapace::Done> {
        Ok(carapace::Done { ok: true })
    }

    fn health(&mut self, _: &Host, _: ServiceMoment) -> Result<ServiceHealth> {
        self.asked += 1;
        Ok(ServiceHealth::well(self.asked.to_string()))
    }
}

#[test]
fn exports_are_called_by_name() {
    use carapace::guest::Plugin;
    let (gateway, mut plugin) = (Gateway::default(), Both::default());
    let mut call = |export: &str, input: &str| plugin.call(&gateway.host, export, input);
    assert_eq!(call("hook_handle", "{}").unwrap(), r#"{"cancel":true}"#);
    assert_eq!(call("service_health", "{}").unwrap(), r#"{"message":"1"}"#);
    assert_eq!(call("service_health", "{}").unwrap(), r#"{"message":"2"}"#);
    assert_eq!(call("service_health", "[]").unwrap_err().message, "json: expected an object (byte 0)");
    for missing in ["service_tick", "tool_invoke"] {
        let error = call(missing, "{}").unwrap_err();
        assert_eq!(error.message, format!("this plugin cannot {missing}: take it out of the manifest"));
    }
}
