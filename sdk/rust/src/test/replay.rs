use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::codec::Writer;
use crate::contract::*;
use crate::guest::Plugin;
use crate::{json, Host, Json, Result};

/// Set to 1, it makes [`replay`] write the outputs that it gets instead of comparing them.
const UPDATE: &str = "CARAPACE_UPDATE";

/// Runs every transcript of a folder, which are its files `*.jsonl`, against a plugin, and compares as JSON, so order and
/// spacing of fields are free. Log lines need not be in a transcript. With `CARAPACE_UPDATE=1` in the environment the
/// transcripts get the new outputs instead, to be looked through before they are committed.
///
/// It panics, as a test does that fails, with each line that is different.
pub fn replay<P: Plugin + Default>(folder: impl AsRef<Path>) {
    let files = transcripts(folder.as_ref());
    assert!(!files.is_empty(), "no transcript is in {}", folder.as_ref().display());
    let mut problems = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let mut plugin = P::default();
        let mut updated = String::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = format!("{}:{}", file.display(), at + 1);
            let want = Json::parse(line).unwrap_or_else(|e| panic!("{place}: {e}"));
            let got = run(&mut plugin, &want, &place, &mut problems);
            if std::env::var(UPDATE).as_deref() != Ok("1") {
                compare(&got, &want, &place, &mut problems);
            }
            updated += &format!("{got}\n");
        }
        if std::env::var(UPDATE).as_deref() == Ok("1") {
            fs::write(&file, updated).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    files
}

fn compare(got: &Json, want: &Json, place: &str, problems: &mut Vec<String>) {
    for name in ["output", "error"] {
        if got[name] != want[name] {
            problems.push(format!("{place}: {}: the {name} is\n  {}\nand not\n  {}", want["call"], got[name], want[name]));
        }
    }
}

/// Makes a line's call, and gives the line with what came of it.
fn run(plugin: &mut impl Plugin, want: &Json, place: &str, problems: &mut Vec<String>) -> Json {
    let call = want["call"].as_str().unwrap_or_default();
    let expected = Rc::new(RefCell::new(want["host"].items().iter().cloned().collect::<VecDeque<_>>()));
    let unexpected = Rc::new(RefCell::new(Vec::new()));
    let host = Host::new({
        let (expected, unexpected) = (expected.clone(), unexpected.clone());
        move |name, param| answer(name, param, &mut expected.borrow_mut(), &mut unexpected.borrow_mut())
    });
    let result = plugin.call(&host, call, &want["input"].to_string());
    problems.extend(unexpected.borrow().iter().map(|what| format!("{place}: {call}: the transcript does not expect {what}")));
    if let Some(next) = expected.borrow().front() {
        problems.push(format!(
            "{place}: {call}: {} expected host calls were not made, the first is {}",
            expected.borrow().len(),
            next["call"]
        ));
    }
    let mut got = want.clone();
    let (name, other, text) = match result {
        Ok(output) => ("output", "error", output),
        Err(error) => ("error", "output", Writer::all(&error)),
    };
    got.remove(other);
    got.set(name, Json::parse(&text).unwrap_or_default());
    got
}

/// Answers a call of the plugin's as the transcript says.
fn answer(name: &str, param: &str, expected: &mut VecDeque<Json>, unexpected: &mut Vec<String>) -> Result<String> {
    if name == "log_write" {
        return Ok(json!({ "ok": true }).to_string());
    }
    match expected.front() {
        Some(next) if next["call"].as_str() == Some(name) && next["param"] == Json::parse(param)? => {}
        _ => {
            unexpected.push(format!("{name} {param}"));
            return Err(Error::new(Code::Internal, "not in the transcript"));
        }
    }
    let next = expected.pop_front().unwrap_or_default();
    match next.get("error") {
        Some(error) => Err(error.to()?),
        None => Ok(next["ok"].to_string()),
    }
}
