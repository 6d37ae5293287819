//! The text in which metrics are read: Prometheus' text format, version 0.0.4, which every collector takes.

use std::fmt::Write;

use crate::histogram::Observed;
use crate::metric::Metric;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text under way. In it all samples of a metric stand together, as the format asks for, in whatever order they are given.
#[derive(Debug, Default)]
pub struct Exposition {
    /// Each metric's name and lines, in the order in which the metrics came first.
    families: Vec<(&'static str, String)>,
}

impl Exposition {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole number.
    pub fn sample(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        line(self.family(metric), (metric, ""), labels, None, format_args!("{value}"));
    }

    /// A number with a fraction: a gauge in seconds.
    pub fn fraction(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        line(self.family(metric), (metric, ""), labels, None, format_args!("{value}"));
    }

    /// A histogram, its buckets added up as the format has them.
    pub fn histogram(&mut self, metric: &Metric, labels: &[&str], observed: &Observed) {
        let family = self.family(metric);
        let units = observed.scale.units_per_shown;
        let mut below = 0;
        for (at, count) in observed.buckets.iter().enumerate() {
            below += count;
            let bound = observed.scale.bounds.get(at).map_or("+Inf".to_owned(), |bound| shown(*bound, units));
            line(family, (metric, "_bucket"), labels, Some(&bound), format_args!("{below}"));
        }
        let sum = shown(observed.sum, units);
        line(family, (metric, "_sum"), labels, None, format_args!("{sum}"));
        line(family, (metric, "_count"), labels, None, format_args!("{below}"));
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.families.into_iter().map(|(_, lines)| lines).collect()
    }

    fn family(&mut self, metric: &Metric) -> &mut String {
        // Mostly it is the last.
        let at = self.families.iter().rposition(|(name, _)| *name == metric.name).unwrap_or_else(|| {
            let (name, help, kind) = (metric.name, metric.help, metric.kind.as_str());
            self.families.push((name, format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")));
            self.families.len() - 1
        });
        &mut self.families[at].1
    }
}

fn line(
    text: &mut String,
    (metric, suffix): (&Metric, &str),
    labels: &[&str],
    bound: Option<&str>,
    value: std::fmt::Arguments<'_>,
) {
    text.push_str(metric.name);
    text.push_str(suffix);
    let pairs = metric.labels.iter().copied().zip(labels.iter().copied()).chain(bound.map(|bound| ("le", bound)));
    let mut opening = '{';
    for (name, value) in pairs {
        text.push(opening);
        opening = ',';
        text.push_str(name);
        text.push_str("=\"");
        escape(text, value);
        text.push('"');
    }
    if opening == ',' {
        text.push('}');
    }
    // Writing to a string does not fail.
    writeln!(text, " {value}").unwrap_or_default();
}

/// A number of units, in the unit that is shown, without digits that say nothing.
fn shown(value: u64, units: u64) -> String {
    if units == 1 {
        return value.to_string();
    }
    let digits = units.ilog10() as usize;
    let text = format!("{}.{:0digits$}", value / units, value % units);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escape(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exposition, shown};
    use crate::histogram::{Histogram, Scale};
    use crate::metric::Metric;

    const REQUESTS: Metric = Metric::counter("requests_total", &["verb", "code"], "Requests");
    const UP: Metric = Metric::gauge("up", &[], "Up");
    const TIMES: Metric = Metric::histogram("seconds", &["verb"], "Times");

    #[test]
    fn samples_stand_below_one_head() {
        let mut exposition = Exposition::new();
        exposition.sample(&REQUESTS, &["get", "200"], 3);
        exposition.sample(&UP, &[], 1);
        exposition.sample(&REQUESTS, &["a\"\\\n", "404"], 1);
        assert_eq!(
            exposition.into_text(),
            "# HELP requests_total Requests\n# TYPE requests_total counter\n\
             requests_total{verb=\"get\",code=\"200\"} 3\nrequests_total{verb=\"a\\\"\\\\\\n\",code=\"404\"} 1\n\
             # HELP up Up\n# TYPE up gauge\nup 1\n"
        );
    }

    #[test]
    fn buckets_are_added_up() {
        let histogram = Histogram::new(Scale { bounds: &[100, 2_500_000], units_per_shown: 1_000_000 });
        for value in [50, 100, 1_000, 3_000_000] {
            histogram.observe(value);
        }
        let mut exposition = Exposition::new();
        exposition.histogram(&TIMES, &["get"], &histogram.observed());
        assert_eq!(
            exposition.into_text(),
            "# HELP seconds Times\n# TYPE seconds histogram\n\
             seconds_bucket{verb=\"get\",le=\"0.0001\"} 2\nseconds_bucket{verb=\"get\",le=\"2.5\"} 3\n\
             seconds_bucket{verb=\"get\",le=\"+Inf\"} 4\nseconds_sum{verb=\"get\"} 3.00115\nseconds_count{verb=\"get\"} 4\n"
        );
    }

    #[test]
    fn numbers_without_a_fraction_have_none() {
        assert_eq!((shown(20_000_000, 1_000_000).as_str(), shown(0, 1_000_000).as_str()), ("20", "0"));
        assert_eq!(shown(4096, 1), "4096");
    }
}
