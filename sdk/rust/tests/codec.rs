//! What is read and written, at its edges.

use carapace::{
    ChannelEvent, ConversationKind, EventKind, HttpResponse, Json, KvEntry, LogLine, Message, Reader, SocketData, ToolInvocation,
    Value, Writer,
};

fn read<T: Value>(text: &str) -> Result<T, String> {
    Reader::all(text)
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let deep = "[".repeat(100_000);
    let closed = "[".repeat(65) + &"]".repeat(65);
    let objects = r#"{"a":"#.repeat(1000);
    for text in [
        "",
        " \n\t",
        &deep,
        &closed,
        &objects,
        "\"abc",
        "\"abc\\",
        "\"\\u00",
        "\"\\u00zz\"",
        "\"\\x\"",
        "\"a\nb\"",
        "{} {}",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "01",
        "+1",
        "-",
        "1.",
        "1e",
        "\0",
        "nulL",
        "[}",
        "{]",
        "NaN",
        "\u{feff}{}",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "\"\\u12",
        "\"\\uéé\"",
        "tru",
        "[",
        "{",
        "{\"a\"",
        "{\"a\":",
        "\"\\ud83d\\u\"",
    ] {
        let problem = read::<Json>(text).expect_err(text);
        let at: usize = problem.rsplit("byte ").next().and_then(|n| n.trim_end_matches(')').parse().ok()).expect(&problem);
        assert!(at <= text.len(), "{text:.20}: {problem}");
        read::<ChannelEvent>(text).expect_err(text); // and where a record is wanted
        let within = format!("{{\"unknown\":{text}}}");
        if !text.trim().is_empty() {
            read::<ChannelEvent>(&within).expect_err(&within); // and where it is passed over
        }
    }
    assert_eq!(read::<Json>(r#"{"a":[{},{"b":tru}]}"#).unwrap_err(), "json: expected a value (byte 14)");
    let whole = "[".repeat(64) + &"]".repeat(64);
    assert!(read::<Json>(&whole).is_ok());
}

#[test]
fn texts() {
    for (written, text) in [
        (r#""""#, ""),
        (r#""plain""#, "plain"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u00e9 é""#, "é é"),
        (r#""\ud83d\ude42""#, "🙂"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ude42\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        ("\"\u{2028}\u{7f}\"", "\u{2028}\u{7f}"),
    ] {
        assert_eq!(read::<String>(written).unwrap(), text, "{written}");
        assert_eq!(read::<String>(&Writer::all(&text.to_string())).unwrap(), text);
    }
    assert_eq!(Writer::all(&"\u{1}\u{1f}\"\\\n\r\t".to_string()), r#""\u0001\u001f\"\\\n\r\t""#);
}

#[test]
fn numbers() {
    assert_eq!(read::<i64>("9223372036854775807"), Ok(i64::MAX));
    assert_eq!(read::<i64>("-9223372036854775808"), Ok(i64::MIN));
    assert_eq!(read::<i64>("null"), Ok(0));
    for text in ["9223372036854775808", "1.0", "1e3", "\"1\"", "[]"] {
        read::<i64>(text).expect_err(text);
    }
    assert_eq!(read::<u16>("65535"), Ok(65535));
    read::<u16>("65536").unwrap_err();
    read::<u16>("-1").unwrap_err();
    assert_eq!(read::<f64>("-1.5e3"), Ok(-1500.0));
    let id = Json::parse("123456789012345678901234567890").unwrap();
    assert_eq!((id.as_i64(), id.to_string().as_str()), (None, "123456789012345678901234567890")); // and none of its digits is lost
    assert_eq!(Json::from(f64::INFINITY), Json::Null);
    assert_eq!(Json::from(0.1).to_string(), "0.1");
}

#[test]
fn bytes_are_base64() {
    for (written, bytes) in [
        ("\"\"", &b""[..]),
        ("\"AA==\"", &[0]),
        ("\"AP8=\"", &[0, 255]),
        ("\"AP+/\"", &[0, 255, 191]),
        ("\"AP+/AA==\"", &[0, 255, 191, 0]),
    ] {
        assert_eq!(read::<Vec<u8>>(written).unwrap(), bytes);
        assert_eq!(Writer::all(&bytes.to_vec()), written);
    }
    for text in ["\"AP8\"", "\"A===\"", "\"====\"", "\"AP 8=\"", "7", "\"A=AA\""] {
        read::<Vec<u8>>(text).expect_err(text);
    }
}

#[test]
fn what_is_empty_is_left_out_and_what_was_left_out_is_empty() {
    assert_eq!(Writer::all(&Message::default()), "{}");
    assert_eq!(read::<Message>("{}").unwrap(), Message::default());
    let nulls = r#"{"id":null,"conversation":null,"attachments":null,"replyTo":null,"text":null}"#;
    assert_eq!(read::<Message>(nulls).unwrap(), Message::default());
    let mut message = Message { id: "8".into(), ..Message::default() };
    message.sender.id = "ann".into();
    assert_eq!(Writer::all(&message), r#"{"id":"8","sender":{"id":"ann"}}"#);
    let emptied = HttpResponse { text: Some(String::new()), ..HttpResponse::default() };
    assert_eq!(Writer::all(&emptied), r#"{"text":""}"#); // what is optional and there is written
    assert_eq!(Writer::all(&SocketData { ended: true, ..SocketData::default() }), r#"{"ended":true}"#);
}

#[test]
fn records() {
    let text = r#"{"kind":"response","account":"home","config":{"url":"http://toy"},"state":[7,{}],"response":{"id":"poll","status":200,"headers":[{"name":"A","value":"b"}],"bytes":"AP8="}}"#;
    let event: ChannelEvent = read(text).unwrap();
    assert_eq!(event.kind, EventKind::Response);
    assert_eq!(event.config["url"].as_str(), Some("http://toy"));
    assert_eq!(event.response.as_ref().unwrap().bytes, Some(vec![0, 255]));
    assert_eq!(Writer::all(&event), text);
    assert_eq!(read::<KvEntry>(r#"{"key":"a","later":{"x":[1,"]"]},"key":"b"}"#).unwrap().key, "b"); // unknown, and twice
    read::<KvEntry>(r#"{"key":7}"#).unwrap_err();
    read::<KvEntry>("[]").unwrap_err();
}

/// A case of a later contract arrives, and goes out as it came.
#[test]
fn unknown_cases_are_kept() {
    let event: ChannelEvent = read(r#"{"kind":"telepathy"}"#).unwrap();
    assert_eq!(event.kind, EventKind::Unknown("telepathy".into()));
    assert_eq!(Writer::all(&event), r#"{"kind":"telepathy"}"#);
    assert_eq!(ConversationKind::default().as_str(), "direct");
}

#[test]
fn json_is_looked_into() {
    let mut value = Json::parse(r#"{"a":[{"b":null},{"b":"x"}],"a2":1,"a2":2}"#).unwrap();
    assert_eq!(value["a"][1]["b"].as_str(), Some("x"));
    assert_eq!(value["a"][7]["b"]["c"], Json::Null);
    assert_eq!(value["a2"].as_u64(), Some(2));
    assert!(value["a"][0].get("b").is_none());
    value.set("a", true);
    value.remove("a2");
    assert_eq!(value.to_string(), r#"{"a":true}"#);
    assert_eq!(Json::parse(r#"{"x":1,"y":2}"#), Json::parse(r#"{"y":2,"x":1}"#));
    assert_ne!(Json::parse(r#"{"x":1}"#), Json::parse(r#"{"x":1,"y":2}"#));
    let call: ToolInvocation = Json::parse(r#"{"args":{"n":1}}"#).unwrap().to().unwrap();
    assert_eq!(call.args["n"].as_i64(), Some(1));
    assert_eq!(LogLine::MESSAGE_CUT, 4096);
}
