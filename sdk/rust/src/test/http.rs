use std::collections::BTreeMap;

use super::State;
use crate::codec::Writer;
use crate::contract::*;
use crate::{Json, Result};

/// A request as a server would see it: credentials are filled in, names of headers are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// GET where the plugin says nothing.
    pub method: String,
    /// All of it.
    pub url: String,
    /// By their names.
    pub headers: BTreeMap<String, String>,
    /// The body; empty where there are parts.
    pub body: Vec<u8>,
    /// The parts of a form.
    pub parts: Vec<HttpPart>,
}

impl Request {
    /// What the request's query says of a name, as it is written.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.url.split_once('?')?;
        query.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    }

    /// The body as JSON, null where it is none.
    pub fn json(&self) -> Json {
        std::str::from_utf8(&self.body).ok().and_then(|text| Json::parse(text).ok()).unwrap_or_default()
    }
}

/// What a server answers.
#[derive(Clone, Debug)]
pub struct Response {
    /// 200 by default.
    pub status: u16,
    /// None by default.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
}

impl Default for Response {
    fn default() -> Self {
        Response { status: 200, headers: Vec::new(), body: Vec::new() }
    }
}

impl Response {
    /// A status with a text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Response { status, body: text.into().into_bytes(), ..Response::default() }
    }

    /// A good answer that is JSON.
    pub fn json(body: impl Into<Json>) -> Self {
        Response::text(200, body.into().to_string())
    }
}

const PLACEHOLDER: &str = "{{credential:";

impl State {
    pub(super) fn http_request(&mut self, request: HttpRequest) -> Result<HttpResponse> {
        let id = request.id.clone();
        let made = self.build(request)?;
        let Some(http) = &mut self.http else {
            return Err(Error::new(Code::Forbidden, "the test's gateway has no http"));
        };
        let Response { status, headers, body } = http(made);
        let (text, bytes) = match String::from_utf8(body) {
            Ok(text) => (Some(text), None),
            Err(body) => (None, Some(body.into_bytes())),
        };
        Ok(HttpResponse { id, status, headers, text, bytes, ..HttpResponse::default() })
    }

    /// What a server gets. A request that is to be signed says in Authorization for what, and has no signature.
    fn build(&self, request: HttpRequest) -> Result<Request> {
        let own = |text: &str| if request.fill { self.filled(text) } else { Ok(text.to_owned()) };
        let url = match request.url.split_once('?') {
            Some((path, query)) => format!("{}?{}", self.filled(path)?, own(query)?),
            None => self.filled(&request.url)?,
        };
        let mut headers = BTreeMap::new();
        if request.json.is_some() {
            headers.insert("content-type".into(), "application/json".into());
        }
        for header in &request.headers {
            headers.insert(header.name.to_ascii_lowercase(), self.filled(&header.value)?);
        }
        if let Some(sign) = &request.sigv4 {
            let key = self.credential(&sign.access_key)?;
            self.credential(&sign.secret_key)?;
            headers.insert("authorization".into(), format!("AWS4-HMAC-SHA256 Credential={key}/{}/{}", sign.region, sign.service));
        }
        if let Some(login) = &request.basic {
            let pair = format!("{}:{}", login.user, self.credential(&login.password)?).into_bytes();
            headers.insert("authorization".into(), format!("Basic {}", Writer::all(&pair).trim_matches('"')));
        }
        let mut parts = request.parts.clone();
        for part in &mut parts {
            part.text = part.text.as_deref().map(own).transpose()?;
        }
        let body = match (&request.text, &request.json) {
            (Some(text), _) => own(text)?.into_bytes(),
            (None, Some(json)) => own(&json.to_string())?.into_bytes(),
            (None, None) => request.bytes.clone().unwrap_or_default(),
        };
        let method = if request.method.is_empty() { "GET".into() } else { request.method };
        Ok(Request { method, url, headers, body, parts })
    }

    fn credential(&self, name: &str) -> Result<&str> {
        match self.credentials.get(name) {
            Some(value) => Ok(value),
            None => Err(Error::new(Code::Unauthorized, format!("credential {name} is not set"))),
        }
    }

    /// A text with its placeholders replaced.
    pub(super) fn filled(&self, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(PLACEHOLDER) {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            let name = from[PLACEHOLDER.len()..].split_once("}}").map(|(name, _)| name).filter(|name| is_name(name));
            match name {
                Some(name) => {
                    filled.push_str(self.credential(name)?);
                    rest = &from[PLACEHOLDER.len() + name.len() + 2..];
                }
                None => {
                    filled.push_str(PLACEHOLDER);
                    rest = &from[PLACEHOLDER.len()..];
                }
            }
        }
        Ok(filled + rest)
    }
}

/// Whether the gateway takes it for a credential's name.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}
