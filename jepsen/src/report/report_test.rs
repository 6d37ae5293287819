//! A report of a simulated run shows what is in it, and needs nothing else.

use serde_json::json;

use super::Report;
use crate::check::linear::Budget;
use crate::check::register_sample::{Bug, Simulation};
use crate::check::{linearizable, order};
use crate::history::{Kind, Op, Process};
use crate::verdict::Verdict;

/// A store with a bug, under three faults, at a pace as of a real run.
fn history() -> Vec<Op> {
    let mut history = Simulation::large(4).with(Bug::StaleRead, 40).history();
    for op in &mut history {
        op.time_ns = op.time_ns * 3_000_000 + 17_000 * (op.index % 97);
        op.daemon = Some(format!("eu-{}", 1 + op.index % 3));
    }
    let end = history.last().map_or(0, |op| op.time_ns);
    let faults = [
        (10, Kind::Info, "start-kill"),
        (25, Kind::Info, "stop-kill"),
        (40, Kind::Info, "start-partition"),
        (50, Kind::Info, "start-pause"),
        (60, Kind::Info, "stop-partition"),
        (70, Kind::Info, "heal"),
    ];
    for (percent, kind, f) in faults {
        let mut op = history[0].clone();
        (op.process, op.kind, op.time_ns, op.daemon) = (Process::NEMESIS, kind, end / 100 * percent, None);
        op.f = f.to_owned();
        op.value = json!({"outcome": "installed", "fault": "<one> & other", "targets": ["eu-1"], "leader": true});
        history.push(op);
    }
    history.sort_by_key(|op| op.time_ns);
    for (index, op) in history.iter_mut().enumerate() {
        op.index = index as u64;
    }
    history
}

#[test]
fn the_page_shows_verdicts_faults_and_evidence_and_loads_nothing() {
    let history = history();
    let verdict = Verdict { checks: vec![linearizable::check(&history, Budget::default()), order::check(&history)] };
    let facts = [("seed".to_owned(), "7 <b>".to_owned())];
    let report = Report { title: "register x kill", facts: &facts, history: &history, verdict: &verdict };
    let page = report.html();
    if let Some(path) = std::env::var_os("JEPSEN_REPORT_SAMPLE") {
        std::fs::write(path, &page).unwrap();
    }
    for words in [
        "FAILED",
        "no order of",
        "seed",
        "7 &lt;b&gt;",
        "start",
        "&lt;one&gt; &amp; other: eu-1, a leader",
        "partition",
        "ms without a good answer",
        "Evidence: linearizable",
        "process",
    ] {
        assert!(page.contains(words), "{words} is missing");
    }
    for outside in ["http://", "https://", "src=", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let open = |tag: &str| page.matches(&format!("<{tag}")).count();
    for tag in ["table", "tr", "td", "svg", "div", "dl"] {
        assert_eq!(
            page.matches(&format!("</{tag}>")).count(),
            open(&format!("{tag}>")) + open(&format!("{tag} ")),
            "{tag}"
        );
    }
}

#[test]
fn an_empty_history_has_a_page_too() {
    let verdict = Verdict { checks: Vec::new() };
    let page = Report { title: "nothing", facts: &[], history: &[], verdict: &verdict }.html();
    assert!(page.contains("unproven") && page.ends_with("</html>\n"));
}
