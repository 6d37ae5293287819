//! One drawing over time: faults, latencies of writes and reads on a logarithmic scale, rates, and every daemon's answers.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::svg::{Drawing, LEFT, Time, WIDTH, float};
use crate::check::gap::{Availability, Gap, Window};
use crate::check::pair::Operation;
use crate::history::Kind;

/// What is drawn.
pub(crate) struct Chart<'a> {
    pub(crate) operations: &'a [Operation<'a>],
    pub(crate) windows: &'a [Window],
    pub(crate) availability: &'a Availability,
    pub(crate) end_ns: u64,
}

const LATENCY_HEIGHT: f64 = 190.0;
const RATE_HEIGHT: f64 = 110.0;
const LANE_HEIGHT: f64 = 15.0;
const GAP_HEIGHT: f64 = 34.0;
/// Latencies below are drawn at the bottom, those above at the top: 0.1 ms to 100 s.
const DECADES: (i32, i32) = (-4, 2);
const WRITES: [&str; 4] = ["create", "update", "delete", "move"];
/// Operations that last as long as their client likes.
const LONG: [&str; 2] = ["watch", "converge"];

/// Colours of faults, in the order in which they first come.
const COLOURS: [&str; 8] = ["#8e6bbf", "#4a9d8e", "#c46a4a", "#5b7fb5", "#a8894a", "#b35f8d", "#6b9b4e", "#7a7f88"];

/// The colour of each fault.
pub(crate) fn colours(windows: &[Window]) -> BTreeMap<&str, &'static str> {
    let mut colours = BTreeMap::new();
    for window in windows {
        let next = COLOURS[colours.len() % COLOURS.len()];
        colours.entry(window.fault.as_str()).or_insert(next);
    }
    colours
}

/// The name of an outcome in the style sheet.
pub(crate) fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info | Kind::Invoke => "info",
    }
}

const OUTCOMES: [Kind; 3] = [Kind::Ok, Kind::Fail, Kind::Info];

impl Chart<'_> {
    /// The drawing.
    pub(crate) fn svg(&self) -> String {
        let mut drawing = Drawing::default();
        let time = Time::until(self.end_ns);
        let colours = colours(self.windows);
        let lanes = daemons(self.operations);
        let top = 10.0;
        let faults_end = top + float(colours.len() as u64) * LANE_HEIGHT;
        let writes = faults_end + GAP_HEIGHT;
        let reads = writes + LATENCY_HEIGHT + GAP_HEIGHT;
        let rates = reads + LATENCY_HEIGHT + GAP_HEIGHT;
        let answers = rates + RATE_HEIGHT + GAP_HEIGHT;
        let bottom = answers + float(lanes.len() as u64) * LANE_HEIGHT;
        self.bands(&mut drawing, time, (top, bottom), &colours);
        let is_write = |operation: &&Operation<'_>| WRITES.contains(&operation.invoke.f.as_str());
        let is_read = |operation: &&Operation<'_>| !is_write(operation) && !LONG.contains(&operation.invoke.f.as_str());
        self.latencies(&mut drawing, time, (writes, "latency of writes"), &is_write);
        gap(&mut drawing, time, writes, self.availability.write);
        self.latencies(&mut drawing, time, (reads, "latency of reads"), &is_read);
        gap(&mut drawing, time, reads, self.availability.read);
        self.rates(&mut drawing, time, rates);
        self.lanes(&mut drawing, time, answers, &lanes);
        for tick in time.ticks() {
            let x = time.x(tick * 1_000_000_000);
            drawing.text(("", "middle"), (x, bottom + 16.0), &format!("{tick} s"));
        }
        drawing.finish(bottom + 24.0)
    }

    /// A lane for each kind of fault, and a shadow of each fault through everything below.
    fn bands(&self, drawing: &mut Drawing, time: Time, (top, bottom): (f64, f64), colours: &BTreeMap<&str, &str>) {
        for (place, (fault, colour)) in colours.iter().enumerate() {
            let y = top + float(place as u64) * LANE_HEIGHT;
            drawing.text(("", "end"), (LEFT - 6.0, y + 11.0), fault);
            for window in self.windows.iter().filter(|window| window.fault == *fault) {
                let (from, to) = (time.x(window.begin_ns), time.x(window.end_ns));
                let seconds = |time_ns: u64| float(time_ns) / 1e9;
                let title = format!(
                    "{fault}, {:.1} s to {:.1} s: {}",
                    seconds(window.begin_ns),
                    seconds(window.end_ns),
                    window.detail
                );
                let paint = format!(r#"fill="{colour}" rx="2""#);
                drawing.rectangle(&paint, (from, y + 2.0), (to - from, LANE_HEIGHT - 4.0), &title);
                let below = top + float(colours.len() as u64) * LANE_HEIGHT;
                let paint = format!(r#"fill="{colour}" fill-opacity="0.10""#);
                drawing.rectangle(&paint, (from, below), (to - from, bottom - below), &title);
            }
        }
    }

    fn latencies(
        &self,
        drawing: &mut Drawing,
        time: Time,
        (top, title): (f64, &str),
        wanted: &dyn Fn(&&Operation<'_>) -> bool,
    ) {
        drawing.text(("title", "start"), (LEFT, top - 8.0), title);
        for decade in DECADES.0..=DECADES.1 {
            let y = latency_y(top, 10_f64.powi(decade));
            drawing.line("grid", (LEFT, y), (WIDTH - 12.0, y));
            let label = match decade {
                ..=-4 => "0.1 ms".to_owned(),
                -3..=-1 => format!("{} ms", 10_u64.pow(decade.unsigned_abs().abs_diff(3))),
                _ => format!("{} s", 10_u64.pow(decade.unsigned_abs())),
            };
            drawing.text(("", "end"), (LEFT - 6.0, y + 4.0), &label);
        }
        for outcome in OUTCOMES {
            let mut dots = String::new();
            // Marks that would fall on one another are drawn once.
            let mut drawn = HashSet::new();
            for operation in self.operations.iter().filter(wanted).filter(|own| own.outcome() == outcome) {
                let Some(end) = operation.end else { continue };
                let seconds = float(end.time_ns.saturating_sub(operation.invoke.time_ns)) / 1e9;
                let place = format!("{:.0} {:.0}", time.x(end.time_ns), latency_y(top, seconds));
                if drawn.insert(place.clone()) {
                    write!(dots, "M{place}h0").ok();
                }
            }
            drawing.path(&format!("dots s-{}", class(outcome)), &dots);
        }
    }

    /// Answers in a second.
    fn rates(&self, drawing: &mut Drawing, time: Time, top: f64) {
        drawing.text(("title", "start"), (LEFT, top - 8.0), "answers in a second");
        let mut rates: BTreeMap<&str, BTreeMap<u64, u64>> = BTreeMap::new();
        for operation in self.operations {
            if let Some(end) = operation.end {
                let second = end.time_ns / 1_000_000_000;
                *rates.entry(class(operation.outcome())).or_default().entry(second).or_default() += 1;
            }
        }
        let most = rates.values().flat_map(BTreeMap::values).copied().max().unwrap_or(0).max(1);
        let y = |rate: u64| top + RATE_HEIGHT * (1.0 - float(rate) / float(most));
        for rate in [0, most / 2, most] {
            drawing.line("grid", (LEFT, y(rate)), (WIDTH - 12.0, y(rate)));
            drawing.text(("", "end"), (LEFT - 6.0, y(rate) + 4.0), &rate.to_string());
        }
        let seconds = self.end_ns / 1_000_000_000;
        for outcome in OUTCOMES {
            let Some(own) = rates.get(class(outcome)) else { continue };
            let mut path = String::new();
            for second in 0..=seconds {
                let letter = if path.is_empty() { 'M' } else { 'L' };
                let x = time.x(second * 1_000_000_000 + 500_000_000);
                write!(path, "{letter}{x:.1} {:.1}", y(own.get(&second).copied().unwrap_or(0))).ok();
            }
            drawing.path(&format!("rate s-{}", class(outcome)), &path);
        }
    }

    /// For each daemon, whether it gave good answers, bad ones or none.
    fn lanes(&self, drawing: &mut Drawing, time: Time, top: f64, lanes: &[&str]) {
        drawing.text(("title", "start"), (LEFT, top - 8.0), "answers of each daemon (strength: how many)");
        let mut cells: BTreeMap<(usize, u64), [u64; 3]> = BTreeMap::new();
        let width = (self.end_ns / CELLS).max(1);
        for operation in self.operations {
            let lane = operation.invoke.daemon.as_deref().and_then(|daemon| lanes.binary_search(&daemon).ok());
            if let (Some(lane), Some(end)) = (lane, operation.end) {
                let counts = cells.entry((lane, end.time_ns / width)).or_default();
                let place = OUTCOMES.iter().position(|outcome| *outcome == operation.outcome()).unwrap_or(2);
                counts[place] += 1;
            }
        }
        let most = cells.values().map(|counts| counts.iter().sum::<u64>()).max().unwrap_or(1).max(1);
        for (place, daemon) in lanes.iter().enumerate() {
            let y = top + float(place as u64) * LANE_HEIGHT;
            drawing.text(("", "end"), (LEFT - 6.0, y + 11.0), daemon);
        }
        for ((lane, cell), counts) in cells {
            let y = top + float(lane as u64) * LANE_HEIGHT;
            let (from, to) = (time.x(cell * width), time.x((cell + 1) * width));
            let worst = if counts[2] > 0 {
                Kind::Info
            } else if counts[0] == 0 {
                Kind::Fail
            } else {
                Kind::Ok
            };
            let strength = 0.35 + 0.65 * float(counts.iter().sum::<u64>()) / float(most);
            let paint = format!(r#"class="f-{}" fill-opacity="{strength:.2}""#, class(worst));
            let title = format!("{}: {} ok, {} fail, {} info", lanes[lane], counts[0], counts[1], counts[2]);
            drawing.rectangle(&paint, (from, y + 2.0), (to - from, LANE_HEIGHT - 4.0), &title);
        }
    }
}

/// Cells of a daemon's lane.
const CELLS: u64 = 240;

fn daemons<'a>(operations: &[Operation<'a>]) -> Vec<&'a str> {
    let mut daemons: Vec<&str> = operations.iter().filter_map(|operation| operation.invoke.daemon.as_deref()).collect();
    daemons.sort_unstable();
    daemons.dedup();
    daemons
}

fn latency_y(top: f64, seconds: f64) -> f64 {
    let (low, high) = (f64::from(DECADES.0), f64::from(DECADES.1));
    let place = seconds.max(1e-9).log10().clamp(low, high);
    top + LATENCY_HEIGHT * (high - place) / (high - low)
}

/// A bracket above the longest gap.
fn gap(drawing: &mut Drawing, time: Time, top: f64, gap: Option<Gap>) {
    let Some(gap) = gap else { return };
    let (from, to) = (time.x(gap.begin_ns), time.x(gap.end_ns).max(time.x(gap.begin_ns) + 2.0));
    let (low, high) = (top + 12.0, top + 6.0);
    drawing.path("gap", &format!("M{from:.1} {low:.1}V{high:.1}H{to:.1}V{low:.1}"));
    let text = format!("{:.0} ms without a good answer", gap.length().as_secs_f64() * 1e3);
    let anchor = if to > WIDTH - 220.0 { ("gap-text", "end") } else { ("gap-text", "start") };
    let x = if anchor.1 == "end" { from - 6.0 } else { to + 6.0 };
    drawing.text(anchor, (x, top + 14.0), &text);
}
