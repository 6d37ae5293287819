//! Evidence as a drawing: who did what, and what overlapped. Time is by rank: what came first stands first, however long it took.

use std::collections::BTreeMap;

use super::chart::class;
use super::svg::{Drawing, LEFT, WIDTH, float};
use crate::check::pair::{Operation, operations};
use crate::history::{Kind, Op, Process};

const ROW_HEIGHT: f64 = 26.0;
/// Operations that are drawn. Above it the table must do.
const OPERATIONS_MAX: usize = 40;
/// Characters of a label.
const LABEL_CHARS_MAX: usize = 60;

/// The drawing; nothing where there is nothing to be seen.
pub(crate) fn svg(evidence: &[Op]) -> Option<String> {
    let operations = operations(evidence);
    if operations.is_empty() || operations.len() > OPERATIONS_MAX {
        return None;
    }
    let mut ranks: BTreeMap<u64, u64> = evidence.iter().map(|op| (op.index, 0)).collect();
    for (rank, own) in (1_u64..).zip(ranks.values_mut()) {
        *own = rank;
    }
    let mut rows: Vec<Process> = Vec::new();
    for operation in &operations {
        if !rows.contains(&operation.invoke.process) {
            rows.push(operation.invoke.process);
        }
    }
    let mut drawing = Drawing::default();
    let step = (WIDTH - LEFT - 20.0) / float(ranks.len() as u64 + 1);
    let x = |index: u64| LEFT + step * float(ranks.get(&index).copied().unwrap_or(0));
    drawing.text(("", "end"), (LEFT - 6.0, 10.0), "process");
    for (place, process) in rows.iter().enumerate() {
        let y = float(place as u64) * ROW_HEIGHT + ROW_HEIGHT;
        drawing.text(("", "end"), (LEFT - 6.0, y + 3.0), &serde_json::to_string(process).unwrap_or_default());
        drawing.line("grid", (LEFT, y), (WIDTH - 12.0, y));
    }
    for operation in &operations {
        let row = rows.iter().position(|process| *process == operation.invoke.process).unwrap_or(0);
        let y = float(row as u64) * ROW_HEIGHT + ROW_HEIGHT;
        let from = x(operation.invoke.index);
        // What never returned may come at any time.
        let to = operation.returned_ns().and(operation.end).map_or(WIDTH - 14.0, |end| x(end.index));
        let outcome = class(operation.outcome());
        let paint = format!(r#"class="f-{outcome} s-{outcome}" fill-opacity="0.25" rx="3""#);
        let label = label(operation);
        drawing.rectangle(&paint, (from, y - 9.0), ((to - from).max(3.0), 18.0), &label);
        // A label that would leave the drawing ends where its bar does.
        let length = float(label.chars().count() as u64) * 6.0;
        let place = (from + 5.0).min(WIDTH - 16.0 - length).max(LEFT);
        drawing.text(("inside", "start"), (place, y + 4.0), &label);
    }
    Some(drawing.finish(float(rows.len() as u64 + 1) * ROW_HEIGHT))
}

/// `update k = 5 ≥12 ok @13`.
fn label(operation: &Operation<'_>) -> String {
    let (invoke, last) = (operation.invoke, operation.last());
    let mut label = invoke.f.clone();
    if let Some(key) = &invoke.key {
        label.push_str(&format!(" {key}"));
    }
    if let Some(revision) = invoke.revision {
        label.push_str(&format!(" if {revision}"));
    }
    let value = if last.kind == Kind::Ok { &last.value } else { &invoke.value };
    if value.is_number() || value.is_string() {
        label.push_str(&format!(" = {value}"));
    } else if value.is_null() && invoke.f.starts_with("read") && last.kind == Kind::Ok {
        label.push_str(" = nothing");
    }
    match (last.kind, last.revision) {
        (Kind::Ok, Some(revision)) => label.push_str(&format!(" @{revision}")),
        (Kind::Ok, None) => {}
        (Kind::Fail, _) => label.push_str(" refused"),
        (Kind::Info | Kind::Invoke, _) => label.push_str(" ?"),
    }
    label.chars().take(LABEL_CHARS_MAX).collect()
}
