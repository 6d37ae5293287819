//! `jepsen check FILE`: a stored history is checked again, and its report written anew.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::history::{Op, file};
use crate::report::Report;
use crate::verdict::Verdict;

/// A history that was checked again.
pub struct Recheck {
    /// The workload whose rules were used.
    pub workload: String,
    /// What happened.
    pub history: Vec<Op>,
    /// What it means.
    pub verdict: Verdict,
}

/// Reads a history and checks it by the rules of a workload. Without a name: the one that `results.json` beside it names.
///
/// # Errors
/// The history cannot be read, or the workload is not known.
pub fn recheck(path: &Path, workload: Option<&str>) -> anyhow::Result<Recheck> {
    let workload = match workload {
        Some(name) => name.to_owned(),
        None => workload_of(path)?,
    };
    let rules = crate::workload::by_name(&workload).with_context(|| {
        let names: Vec<&str> = crate::workload::all().iter().map(|workload| workload.name()).collect();
        format!("there is no workload {workload}: give --workload with one of {}", names.join(", "))
    })?;
    let history = file::read(path)?;
    if history.is_empty() {
        bail!("{}: the history is empty", path.display());
    }
    let verdict = rules.check(&history);
    Ok(Recheck { workload, history, verdict })
}

/// The workload that the results beside a history name.
fn workload_of(path: &Path) -> anyhow::Result<String> {
    let results = path.with_file_name("results.json");
    let missing = || format!("{} does not name the workload: give --workload", results.display());
    let bytes = std::fs::read(&results).with_context(missing)?;
    let value: Value = serde_json::from_slice(&bytes).with_context(missing)?;
    value["workload"].as_str().map(str::to_owned).with_context(missing)
}

impl Recheck {
    /// Writes `report.html` beside the history. Its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn report(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let out = path.with_file_name("report.html");
        let facts = [("history".to_owned(), path.display().to_string())];
        let report = Report { title: &self.workload, facts: &facts, history: &self.history, verdict: &self.verdict };
        std::fs::write(&out, report.html()).with_context(|| format!("write {}", out.display()))?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::recheck;
    use crate::check::register_sample::{Bug, Simulation};
    use crate::history::file::write_json;
    use crate::verdict::Status;

    #[test]
    fn a_stored_history_is_judged_as_it_was() {
        let directory = std::env::temp_dir().join(format!("jepsen-recheck-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("history.jsonl");
        write_json(&path, &Simulation::large(2).with(Bug::LostWrite, 60).history()).unwrap();
        let error = recheck(&path, None).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains("give --workload"), "{error}");
        let error = recheck(&path, Some("nothing")).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains("one of register, set, watch, names, tree"), "{error}");
        std::fs::write(directory.join("results.json"), r#"{"workload": "register"}"#).unwrap();
        let again = recheck(&path, None).unwrap();
        assert_eq!((again.workload.as_str(), again.verdict.status()), ("register", Status::Failed));
        let report = std::fs::read_to_string(again.report(&path).unwrap()).unwrap();
        assert!(report.contains("FAILED"));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
