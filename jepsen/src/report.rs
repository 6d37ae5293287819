//! What a person reads of a run: one HTML file that needs nothing else.
//!
//! ```text
//!   verdict, facts, checks
//!   time ──► faults │ latencies of writes and reads │ rates │ each daemon's answers
//!   numbers: latencies by operation, write gaps by fault
//!   evidence of what is wrong: who did what, then the records
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::check::gap::{Availability, availability, windows};
use crate::check::pair::{Operation, operations};
use crate::history::{Kind, Op, file};
use crate::verdict::{Check, Status, Verdict};

mod chart;
mod scene;
mod svg;

use chart::{Chart, class, colours};
use svg::escape;

/// A run, as it is told.
pub struct Report<'a> {
    /// Workload, nemeses, size.
    pub title: &'a str,
    /// What else is worth knowing: seed, duration, the line that repeats it. Name and text.
    pub facts: &'a [(String, String)],
    /// What happened.
    pub history: &'a [Op],
    /// What it means.
    pub verdict: &'a Verdict,
}

/// Records of evidence that are printed. Above it they are counted: the history has them all.
const EVIDENCE_MAX: usize = 200;
/// Characters of a value that are printed.
const VALUE_CHARS_MAX: usize = 240;

impl Report<'_> {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let operations = operations(self.history);
        let (windows, availability) = (windows(self.history), availability(self.history));
        let end_ns = self.history.last().map_or(0, |op| op.time_ns);
        let status = self.verdict.status();
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}: {word}</title>\n<style>\n{style}</style></head><body>\n\
             <h1>{title} {badge}</h1>\n",
            title = escape(self.title),
            word = word(status),
            style = include_str!("report/style.css"),
            badge = badge(status),
        );
        page.push_str(&self.head(&operations, &availability));
        page.push_str(&self.checks());
        page.push_str("<h2>Over time</h2>\n<div class=\"panel\">\n<p class=\"legend\">");
        for (kind, text) in [(Kind::Ok, "ok"), (Kind::Fail, "fail: no effect"), (Kind::Info, "info: outcome unknown")] {
            write!(page, "<span><i style=\"background: var(--{})\"></i>{text}</span>", class(kind)).ok();
        }
        for (fault, colour) in colours(&windows) {
            write!(page, "<span><i style=\"background: {colour}\"></i>{}</span>", escape(fault)).ok();
        }
        page.push_str("</p>\n");
        let chart = Chart { operations: &operations, windows: &windows, availability: &availability, end_ns };
        page.push_str(&chart.svg());
        page.push_str("</div>\n");
        page.push_str(&latencies(&operations));
        page.push_str(&gaps(&availability));
        page.push_str(&self.evidence());
        page.push_str("</body></html>\n");
        page
    }

    /// Writes the history as JSON lines and as EDN, and the page: `history.jsonl`, `history.edn`, `report.html`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, out: &Path) -> anyhow::Result<()> {
        file::write_json(&out.join("history.jsonl"), self.history)?;
        file::write_edn(&out.join("history.edn"), self.history)?;
        let page = out.join("report.html");
        std::fs::write(&page, self.html()).with_context(|| format!("write {}", page.display()))
    }

    fn head(&self, operations: &[Operation<'_>], availability: &Availability) -> String {
        let count = |kind: Kind| operations.iter().filter(|operation| operation.outcome() == kind).count();
        let longest = |gap: Option<crate::check::gap::Gap>| {
            gap.map_or_else(|| "none measured".to_owned(), |gap| milliseconds(gap.length()))
        };
        let mut text = format!(
            "<p class=\"faint\">{} operations: {} ok, {} fail, {} info. Longest without a good answer to a write: {}, to a \
             read: {}.</p>\n<dl class=\"facts\">",
            operations.len(),
            count(Kind::Ok),
            count(Kind::Fail),
            count(Kind::Info),
            longest(availability.write),
            longest(availability.read),
        );
        for (name, value) in self.facts {
            write!(text, "<dt>{}</dt><dd class=\"mono\">{}</dd>", escape(name), escape(value)).ok();
        }
        text.push_str("</dl>\n");
        text
    }

    fn checks(&self) -> String {
        let mut text = "<h2>Checks</h2>\n<div class=\"panel\"><table>".to_owned();
        for Check { name, status, summary, .. } in &self.verdict.checks {
            writeln!(text, "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", escape(name), badge(*status), escape(summary))
                .ok();
        }
        text.push_str("</table></div>\n");
        text
    }

    fn evidence(&self) -> String {
        let mut text = String::new();
        for check in self.verdict.checks.iter().filter(|check| !check.evidence.is_empty()) {
            writeln!(text, "<h2>Evidence: {} {}</h2>", escape(&check.name), badge(check.status)).ok();
            writeln!(text, "<p>{}</p>\n<div class=\"panel\">", escape(&check.summary)).ok();
            text.push_str(&scene::svg(&check.evidence).unwrap_or_default());
            text.push_str("<table class=\"evidence\"><tr>");
            for head in ["index", "time", "process", "", "operation", "value", "revision", "daemon", "error"] {
                write!(text, "<th>{head}</th>").ok();
            }
            text.push_str("</tr>\n");
            for op in check.evidence.iter().take(EVIDENCE_MAX) {
                text.push_str(&record(op));
            }
            text.push_str("</table>");
            if check.evidence.len() > EVIDENCE_MAX {
                write!(text, "<p class=\"faint\">and {} more</p>", check.evidence.len() - EVIDENCE_MAX).ok();
            }
            text.push_str("</div>\n");
        }
        text
    }
}

fn record(op: &Op) -> String {
    let word = match op.kind {
        Kind::Invoke => "invoke",
        Kind::Ok | Kind::Fail | Kind::Info => class(op.kind),
    };
    let mut value = op.value.to_string();
    if value.chars().count() > VALUE_CHARS_MAX {
        value = value.chars().take(VALUE_CHARS_MAX).collect::<String>() + " …";
    }
    let place = match (&op.cluster, &op.key) {
        (Some(cluster), Some(key)) => format!("{} {cluster}/{key}", op.f),
        (Some(cluster), None) => format!("{} {cluster}", op.f),
        _ => op.f.clone(),
    };
    let cells = [
        op.index.to_string(),
        format!("{:.3} s", Duration::from_nanos(op.time_ns).as_secs_f64()),
        serde_json::to_string(&op.process).unwrap_or_default(),
        format!("<span class=\"word {word}\">{word}</span>"),
        escape(&place),
        escape(&value),
        op.revision.map_or_else(String::new, |revision| revision.to_string()),
        escape(op.daemon.as_deref().unwrap_or_default()),
        escape(op.error.as_deref().unwrap_or_default()),
    ];
    let cells: Vec<String> = cells.into_iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{}</tr>\n", cells.concat())
}

/// Latencies of good answers, and how many of each outcome, by operation.
fn latencies(operations: &[Operation<'_>]) -> String {
    let mut by_word: BTreeMap<&str, (Vec<Duration>, [usize; 2])> = BTreeMap::new();
    for operation in operations {
        let (good, bad) = by_word.entry(&operation.invoke.f).or_default();
        match operation.outcome() {
            Kind::Ok => {
                let took = operation.last().time_ns.saturating_sub(operation.invoke.time_ns);
                good.push(Duration::from_nanos(took));
            }
            Kind::Fail => bad[0] += 1,
            Kind::Info | Kind::Invoke => bad[1] += 1,
        }
    }
    let mut rows = Vec::new();
    for (word, (mut good, [fail, info])) in by_word {
        good.sort_unstable();
        let at = |percent: usize| {
            let place = (good.len() * percent).div_ceil(100).max(1) - 1;
            good.get(place).map_or_else(String::new, |took| milliseconds(*took))
        };
        let mut row = vec![escape(word), good.len().to_string(), fail.to_string(), info.to_string()];
        row.extend([50, 90, 99, 100].map(at));
        rows.push(row);
    }
    table("Operations", &["operation", "ok", "fail", "info", "p50", "p90", "p99", "longest"], &rows)
}

fn gaps(availability: &Availability) -> String {
    let rows: Vec<Vec<String>> = availability
        .by_fault
        .iter()
        .map(|(fault, gaps)| {
            let at = |percent| gaps.percentile(percent).map_or_else(String::new, milliseconds);
            vec![escape(fault), gaps.count().to_string(), at(50), at(99), at(100)]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table(
        "Longest time without a good answer to a write, for each fault",
        &["fault", "times", "p50", "p99", "longest"],
        &rows,
    )
}

/// A table of numbers; its cells are HTML.
fn table(title: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("<h2>{title}</h2>\n<div class=\"panel\"><table><tr>");
    for (place, cell) in head.iter().enumerate() {
        let number = if place > 0 { " class=\"number\"" } else { "" };
        write!(text, "<th{number}>{cell}</th>").ok();
    }
    text.push_str("</tr>\n");
    for row in rows {
        text.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let number = if place > 0 { " class=\"number\"" } else { "" };
            write!(text, "<td{number}>{cell}</td>").ok();
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table></div>\n");
    text
}

fn milliseconds(length: Duration) -> String {
    let milliseconds = length.as_secs_f64() * 1e3;
    if milliseconds < 10.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Unproven => "unproven",
        Status::Failed => "FAILED",
    }
}

fn badge(status: Status) -> String {
    let word = word(status);
    format!("<span class=\"badge {}\">{word}</span>", word.to_lowercase())
}

#[cfg(test)]
#[path = "report/report_test.rs"]
mod tests;
