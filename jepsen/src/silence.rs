//! How long nothing succeeded: what faults cost clients.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::{Kind, Op, Process};

/// The longest silences of a run, over all logical clusters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// No write of one logical cluster succeeded for so long, although some were tried.
    pub write_ms: u64,
    /// No read.
    pub read_ms: u64,
}

/// Finds the longest silences: from one success to the next in the same logical cluster.
#[must_use]
pub fn longest(history: &[Op]) -> Silence {
    let mut silence = Silence::default();
    let mut last: BTreeMap<(bool, Option<&str>), u64> = BTreeMap::new();
    for op in history.iter().filter(|op| op.process != Process::NEMESIS && op.kind == Kind::Ok) {
        let reads = is_read(&op.f);
        let key = (reads, op.cluster.as_deref());
        if let Some(before) = last.insert(key, op.time_ns) {
            let gap_ms = op.time_ns.saturating_sub(before) / 1_000_000;
            let longest = if reads { &mut silence.read_ms } else { &mut silence.write_ms };
            *longest = gap_ms.max(*longest);
        }
    }
    silence
}

/// Whether an operation only looks.
#[must_use]
pub fn is_read(f: &str) -> bool {
    ["read", "get", "list", "watch", "resolve", "final"].iter().any(|word| f.starts_with(word))
}

/// The value below which this part of all values lies; the values are sorted.
#[must_use]
pub fn quantile(sorted: &[u64], part: f64) -> u64 {
    if sorted.is_empty() {
        return 0;
    }
    let last = sorted.len() - 1;
    let places = (1..=last).filter(|place| {
        f64::from(u32::try_from(*place).unwrap_or(u32::MAX))
            <= part * f64::from(u32::try_from(last).unwrap_or(u32::MAX)) + 0.5
    });
    sorted[places.max().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::{longest, quantile};
    use crate::history::{Kind, Op, Process};

    #[test]
    fn a_silence_is_of_one_logical_cluster_and_of_successes() {
        let op = |ms: u64, f: &str, cluster: &str, kind: Kind| Op {
            index: 0,
            process: Process::Client(0),
            time_ns: ms * 1_000_000,
            kind,
            f: f.to_owned(),
            cluster: Some(cluster.to_owned()),
            key: None,
            value: serde_json::Value::Null,
            daemon: None,
            revision: None,
            error: None,
        };
        let history = [
            op(0, "create", "a", Kind::Ok),
            op(100, "create", "b", Kind::Ok),
            op(150, "create", "a", Kind::Fail),
            op(400, "create", "a", Kind::Ok),
            op(500, "read", "a", Kind::Ok),
            op(560, "read", "a", Kind::Ok),
        ];
        let silence = longest(&history);
        assert_eq!((silence.write_ms, silence.read_ms), (400, 60));
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&values, 0.5), quantile(&values, 0.99), quantile(&values, 1.0)), (51, 99, 100));
        assert_eq!((quantile(&[], 0.5), quantile(&[7], 0.99)), (0, 7));
    }
}
