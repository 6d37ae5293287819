//! Tables for a terminal.

use crate::run::Outcome;
use crate::suite::{Cell, CellResult};
use crate::verdict::Status;

/// Rows of cells as text, in columns as wide as their widest cell.
#[must_use]
pub fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in all {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width - cell.chars().count();
            line.push_str(cell);
            line.push_str(&" ".repeat(pad + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The verdict of a status.
#[must_use]
pub fn verdict(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Unproven => "unproven",
        Status::Failed => "FAILED",
    }
}

/// The table of a suite.
#[must_use]
pub fn suite(results: &[(Cell, CellResult)]) -> String {
    let rows: Vec<Vec<String>> = results
        .iter()
        .map(|(cell, result)| {
            let mut row = vec![cell.title()];
            match result {
                CellResult::Ran(outcome) => row.extend(columns(outcome)),
                CellResult::Skipped(why) => row.extend(blank(&format!("skipped: {why}"))),
                CellResult::Harness(why) => row.extend(blank(&format!("HARNESS: {why}"))),
            }
            row
        })
        .collect();
    render(&SUITE_HEAD, &rows)
}

fn blank(verdict: &str) -> Vec<String> {
    let mut cells = vec![String::new(); SUITE_HEAD.len() - 2];
    cells.push(verdict.to_owned());
    cells
}

fn columns(outcome: &Outcome) -> Vec<String> {
    let installed: u64 = outcome.faults.values().map(|tally| tally.installed).sum();
    let leaders: u64 = outcome.faults.values().map(|tally| tally.leaders).sum();
    vec![
        outcome.ok.to_string(),
        outcome.fail.to_string(),
        outcome.info.to_string(),
        installed.to_string(),
        leaders.to_string(),
        outcome.elections.to_string(),
        format!("{} ms", outcome.silence.write_ms),
        format!("{} ms", outcome.silence.read_ms),
        verdict(outcome.status).to_owned(),
    ]
}

const SUITE_HEAD: [&str; 10] = [
    "WORKLOAD x NEMESIS (REGIONS x DAEMONS)",
    "OK",
    "FAIL",
    "INFO",
    "FAULTS",
    "LEADERS",
    "ELECTIONS",
    "WRITE GAP",
    "READ GAP",
    "VERDICT",
];

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "22".to_owned()], vec!["bbb".to_owned(), "3".to_owned()]];
        assert_eq!(render(&["N", "V"], &rows), "N    V\na    22\nbbb  3\n");
    }
}
