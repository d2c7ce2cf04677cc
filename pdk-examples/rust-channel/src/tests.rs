use super::*;
use carapace::test::{replay, Gateway, Request, Response, State};

const TOKEN: &str = "toy-token";

/// A gateway with a bot's token and a chat server on which people have said something.
fn gateway(token: &str, said: &'static [(&str, &str)]) -> Gateway {
    let mut keys = Vec::new();
    let server = move |request: Request| {
        if request.headers["authorization"] != format!("Bearer {TOKEN}") {
            return Response::text(401, "wrong token");
        }
        if request.method == "GET" {
            let after: usize = request.query("after").unwrap().parse().unwrap();
            let list = said.iter().enumerate().skip(after);
            return Response::json(Json::from_iter(
                list.map(|(n, &(from, text))| json!({ "number": n + 1, "from": from, "text": text })),
            ));
        }
        let key = request.json()["key"].clone();
        if !keys.contains(&key) {
            keys.push(key.clone());
        }
        Response::json(said.len() + 1 + keys.iter().position(|k| *k == key).unwrap())
    };
    let credentials = [("token".into(), token.into())].into();
    Gateway::new(State { credentials, http: Some(Box::new(server)), ..State::default() })
}

fn event(gateway: &Gateway, event: ChannelEvent) -> ChannelAnswer {
    Toy.event(&gateway.host, ChannelEvent { config: config(), ..event }).unwrap()
}

fn config() -> Json {
    json!({ "url": "http://toy" })
}

fn yes() -> ChannelSend {
    let to = Conversation { id: "ann".into(), ..Conversation::default() };
    ChannelSend { config: config(), to, text: "yes?".into(), idempotency_key: "k1".into(), ..ChannelSend::default() }
}

/// As the kernel plays it: start, poll, response, poll again, send.
#[test]
fn a_conversation() {
    let gateway = gateway(TOKEN, &[("ann", "hello"), ("bob", "\"hi\"")]);
    let start = event(&gateway, ChannelEvent::default());
    let response = gateway.request(&start.requests[0]).unwrap();
    let answer = event(
        &gateway,
        ChannelEvent {
            kind: EventKind::Response,
            state: start.state.unwrap(),
            response: Some(response),
            ..ChannelEvent::default()
        },
    );
    let messages: Vec<_> = answer.messages.iter().map(|m| (m.id.as_str(), m.conversation.id.as_str(), m.text.as_str())).collect();
    assert_eq!(messages, [("1", "ann", "hello"), ("2", "bob", "\"hi\"")]);
    assert_eq!(answer.state, Some(Json::from(2)));
    assert_eq!(answer.requests[0].url, "http://toy/messages?after=2");
    for _ in 0..2 {
        // as after a crash: the same key makes one message
        assert_eq!(Toy.send(&gateway.host, yes()).unwrap().ids, ["3"]);
    }
}

#[test]
fn a_wrong_token_waits_for_another() {
    let gateway = gateway("stolen", &[]);
    let start = event(&gateway, ChannelEvent::default());
    let response = gateway.request(&start.requests[0]).unwrap();
    let answer = event(&gateway, ChannelEvent { kind: EventKind::Response, response: Some(response), ..ChannelEvent::default() });
    assert_eq!(answer.status.unwrap().state, ConnectionState::NeedsLogin);
    assert!(answer.requests.is_empty() && answer.timers.is_empty());
    assert_eq!(Toy.send(&gateway.host, yes()).unwrap_err().code, Code::Unauthorized);
}

#[test]
fn transcripts() {
    replay::<Toy>("testdata");
}
