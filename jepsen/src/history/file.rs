//! Histories on disk: JSON lines, which this program reads again, and EDN, which Knossos and Elle read.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{Kind, Op, Process};

/// A line of a history file. Above it the file is refused: no record is so long.
pub const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Records of a history. Above it the file is refused: they would not fit into memory.
pub const OPS_MAX: usize = 20_000_000;

/// Writes one record a line.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, history: &[Op]) -> anyhow::Result<()> {
    let mut file = create(path)?;
    for op in history {
        serde_json::to_writer(&mut file, op).with_context(|| format!("write {}", path.display()))?;
        file.write_all(b"\n")?;
    }
    file.flush().with_context(|| format!("write {}", path.display()))
}

/// Writes one map a line, with the keys that Jepsen uses.
///
/// # Errors
/// The file cannot be written.
pub fn write_edn(path: &Path, history: &[Op]) -> anyhow::Result<()> {
    let mut file = create(path)?;
    for op in history {
        writeln!(file, "{}", edn(op))?;
    }
    file.flush().with_context(|| format!("write {}", path.display()))
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// Reads what [`write_json`] wrote.
///
/// # Errors
/// The file cannot be read, a line is too long or no record, or there are too many; the line's number is told.
pub fn read(path: &Path) -> anyhow::Result<Vec<Op>> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    read_from(BufReader::new(file), &path.display().to_string())
}

fn read_from(mut reader: impl BufRead, name: &str) -> anyhow::Result<Vec<Op>> {
    let mut history: Vec<Op> = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let number = history.len() + 1;
        let length = reader.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(history);
        }
        if length as u64 > LINE_BYTES_MAX {
            bail!("{name}:{number}: the line is longer than {LINE_BYTES_MAX} bytes: this is not a history");
        }
        if history.len() >= OPS_MAX {
            bail!("{name}: more than {OPS_MAX} records: check a part of it");
        }
        let op: Op = serde_json::from_slice(&line)
            .with_context(|| format!("{name}:{number}: not a record of a history (give a history.jsonl)"))?;
        if history.last().is_some_and(|last| last.time_ns > op.time_ns || last.index >= op.index) {
            bail!("{name}:{number}: records are not in the order of index and time");
        }
        history.push(op);
    }
}

/// One record as a map of EDN: `{:index 0, :process 1, :type :invoke, :f :create, :value 5, :time 12}`.
#[must_use]
pub fn edn(op: &Op) -> String {
    let process = match op.process {
        Process::Client(number) => number.to_string(),
        Process::Nemesis(_) => ":nemesis".to_owned(),
    };
    let kind = match op.kind {
        Kind::Invoke => ":invoke",
        Kind::Ok => ":ok",
        Kind::Fail => ":fail",
        Kind::Info => ":info",
    };
    let mut text = format!("{{:index {}, :process {process}, :type {kind}, :f {}", op.index, keyword(&op.f));
    for (key, value) in [("cluster", &op.cluster), ("key", &op.key), ("daemon", &op.daemon), ("error", &op.error)] {
        if let Some(value) = value {
            text.push_str(&format!(", :{key} {}", string(value)));
        }
    }
    if let Some(revision) = op.revision {
        text.push_str(&format!(", :revision {revision}"));
    }
    text.push_str(", :value ");
    push(&mut text, &op.value);
    text.push_str(&format!(", :time {}}}", op.time_ns));
    text
}

/// A keyword, where the word is one; else a string.
fn keyword(word: &str) -> String {
    let is_plain = word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char));
    if is_plain { format!(":{word}") } else { string(word) }
}

/// EDN knows fewer escapes than JSON, and takes other characters as they are.
fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("nil"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => text.push_str(&value.to_string()),
        Value::String(value) => text.push_str(&string(value)),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(' ');
                }
                push(text, item);
            }
            text.push(']');
        }
        Value::Object(map) => {
            text.push('{');
            for (place, (key, item)) in map.iter().enumerate() {
                if place > 0 {
                    text.push_str(", ");
                }
                text.push_str(&keyword(key));
                text.push(' ');
                push(text, item);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{edn, read, read_from, write_edn, write_json};
    use crate::check::register_sample::Simulation;
    use crate::history::{Kind, Process};

    #[test]
    fn what_is_written_is_read_again() {
        let history = Simulation::large(3).history();
        let name = format!("jepsen-history-{}.jsonl", std::process::id());
        let path = std::env::temp_dir().join(name);
        write_json(&path, &history).unwrap();
        assert_eq!(read(&path).unwrap(), history);
        write_edn(&path, &history).unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.contains(":1: not a record"), "{error}");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_broken_file_is_refused_with_its_line() {
        let history = Simulation::small(3).history();
        let mut lines: Vec<String> = history.iter().map(|op| serde_json::to_string(op).unwrap()).collect();
        lines.swap(2, 3);
        let error = read_from(lines.join("\n").as_bytes(), "x").unwrap_err().to_string();
        assert!(error.contains("x:4: records are not in the order"), "{error}");
        lines.swap(2, 3);
        lines[1].truncate(5);
        let error = read_from(lines.join("\n").as_bytes(), "x").unwrap_err().to_string();
        assert!(error.contains("x:2: not a record"), "{error}");
    }

    #[test]
    fn edn_is_what_jepsen_reads() {
        let mut op = Simulation::small(1).history().remove(0);
        (op.index, op.process, op.time_ns, op.kind) = (4, Process::NEMESIS, 12, Kind::Info);
        op.f = "cut off".to_owned();
        (op.key, op.cluster, op.daemon, op.revision) = (Some("a\"b\n".to_owned()), None, None, Some(7));
        op.value = json!({"k": [1, null, true, "x"], "two words": 1.5});
        let expected = r#"{:index 4, :process :nemesis, :type :info, :f "cut off", :key "a\"b\n", :revision 7, :value {:k [1 nil true "x"], "two words" 1.5}, :time 12}"#;
        assert_eq!(edn(&op), expected);
    }
}
