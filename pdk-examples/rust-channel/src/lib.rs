//! A plugin that bridges a chat server by long poll. What the server understands stands in ../go-channel/toychat.

use carapace::{
    export, json, AccountStatus, Channel, ChannelAnswer, ChannelEvent, ChannelSend, Code, ConnectionState, Conversation, Error,
    EventKind, Header, Host, HttpRequest, HttpResponse, Json, Message, Person, Result, Sent, Timer,
};

#[derive(Default)]
struct Toy;

export!(Toy: Channel);

impl Channel for Toy {
    /// Is pure: it says what to do, and the kernel does it once messages and state are committed. The state is the number of
    /// the last message, which is all that it takes to go on after a crash.
    fn event(&self, _: &Host, event: ChannelEvent) -> Result<ChannelAnswer> {
        let last = event.state.as_i64().unwrap_or(0); // there is none at first
        Ok(match event.kind {
            EventKind::Start | EventKind::Timer => poll(&event.config, last),
            EventKind::Response => match received(event.response.unwrap_or_default()) {
                Ok(list) => answered(&event.config, last, list.items()),
                Err(error) => failed(error),
            },
            _ => ChannelAnswer::default(),
        })
    }

    /// Posts a message. The server knows a repeated one by its key.
    fn send(&self, host: &Host, send: ChannelSend) -> Result<Sent> {
        let post = json!({ "to": send.to.id, "text": send.text, "key": send.idempotency_key });
        let response = host.http(HttpRequest { json: Some(post), ..request(&send.config, "POST", "/messages") })?;
        Ok(Sent { ids: vec![received(response)?.to_string()], ..Sent::default() })
    }
}

/// Takes in what people have said, and polls on.
fn answered(config: &Json, last: i64, list: &[Json]) -> ChannelAnswer {
    let last = list.last().and_then(|item| item["number"].as_i64()).unwrap_or(last);
    ChannelAnswer {
        messages: list.iter().map(message).collect(),
        status: Some(AccountStatus { state: ConnectionState::Connected, ..AccountStatus::default() }),
        ..poll(config, last)
    }
}

fn message(item: &Json) -> Message {
    let from = item["from"].as_str().unwrap_or_default();
    Message {
        id: item["number"].to_string(),
        text: item["text"].as_str().unwrap_or_default().into(),
        conversation: Conversation { id: from.into(), ..Conversation::default() },
        sender: Person { id: from.into(), ..Person::default() },
        ..Message::default()
    }
}

/// Asks for what is behind a message, and keeps its number.
fn poll(config: &Json, last: i64) -> ChannelAnswer {
    ChannelAnswer {
        state: Some(last.into()),
        requests: vec![request(config, "GET", &format!("/messages?after={last}"))],
        ..ChannelAnswer::default()
    }
}

/// The value in a good response.
fn received(response: HttpResponse) -> Result<Json> {
    match (response.error, response.status) {
        (Some(error), _) => Err(error),
        (None, 200) => Json::parse(&response.text.unwrap_or_default()),
        (None, 401) => Err(Error::new(Code::Unauthorized, "the server does not know the token: set another")),
        (None, status) => Err(Error::new(Code::Unavailable, format!("the server answered {status}: check the account's url"))
            .retryable(status == 429 || status >= 500)),
    }
}

/// Shows the owner what is wrong and polls again in five seconds; a wrong token waits for another.
fn failed(error: Error) -> ChannelAnswer {
    let (state, timers) = match error.code {
        Code::Unauthorized => (ConnectionState::NeedsLogin, vec![]),
        _ => (ConnectionState::Disconnected, vec![Timer { id: "again".into(), after: 5000 }]),
    };
    let status = AccountStatus { state, message: Some(error.message), ..AccountStatus::default() };
    ChannelAnswer { status: Some(status), timers, ..ChannelAnswer::default() }
}

/// A request to the account's server, signed with its token.
fn request(config: &Json, method: &str, path: &str) -> HttpRequest {
    HttpRequest {
        id: "poll".into(),
        method: method.into(),
        url: format!("{}{path}", config["url"].as_str().unwrap_or_default()),
        headers: vec![Header::new("Authorization", "Bearer {{credential:token}}")],
        ..HttpRequest::default()
    }
}

#[cfg(test)]
mod tests;
