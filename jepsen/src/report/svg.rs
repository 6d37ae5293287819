//! Scales and marks: the little of drawing that the charts share.

use std::fmt::Write as _;

/// Width of every drawing; pages scale it.
pub(crate) const WIDTH: f64 = 1120.0;
/// Left of it stand the labels of the vertical axis.
pub(crate) const LEFT: f64 = 74.0;
const RIGHT: f64 = 12.0;

/// Time from left to right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    end_ns: f64,
}

impl Time {
    /// From the history's beginning to its end.
    pub(crate) fn until(end_ns: u64) -> Self {
        Self { end_ns: float(end_ns.max(1)) }
    }

    /// Where a time is drawn.
    pub(crate) fn x(self, time_ns: u64) -> f64 {
        LEFT + (float(time_ns) / self.end_ns).min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Round times for the axis, in seconds.
    pub(crate) fn ticks(self) -> Vec<u64> {
        let seconds = self.end_ns / 1e9;
        let steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400];
        let step = steps.into_iter().find(|step| seconds / float(*step) <= 12.0).unwrap_or(86_400);
        (0_u64..).map(|tick| tick * step).take_while(|tick| float(*tick) <= seconds).collect()
    }
}

/// A number for drawing.
pub(crate) fn float(number: u64) -> f64 {
    // Exact below 2^53, which is a hundred days of nanoseconds.
    let (high, low) = (number >> 32, number & 0xffff_ffff);
    let half = |half: u64| f64::from(u32::try_from(half).unwrap_or(u32::MAX));
    half(high) * 4_294_967_296.0 + half(low)
}

/// Text as it may stand in a page.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            char => escaped.push(char),
        }
    }
    escaped
}

/// A drawing in the making.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    body: String,
}

impl Drawing {
    pub(crate) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(format_args!(r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#));
    }

    /// Text that ends (`end`), begins (`start`) or is centred (`middle`) at a place.
    pub(crate) fn text(&mut self, (class, anchor): (&str, &str), (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        self.add(format_args!(r#"<text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    }

    /// A rectangle with a text that a pointer shows. `paint` are attributes.
    pub(crate) fn rectangle(&mut self, paint: &str, (x, y): (f64, f64), (width, height): (f64, f64), title: &str) {
        let title = if title.is_empty() { String::new() } else { format!("<title>{}</title>", escape(title)) };
        let width = width.max(1.0);
        self.add(format_args!(
            r#"<rect {paint} x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}">{title}</rect>"#
        ));
    }

    pub(crate) fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            self.add(format_args!(r#"<path class="{class}" d="{path}"/>"#));
        }
    }

    fn add(&mut self, mark: std::fmt::Arguments<'_>) {
        // Writing to a string never fails.
        self.body.write_fmt(mark).ok();
        self.body.push('\n');
    }

    /// The whole drawing.
    pub(crate) fn finish(self, height: f64) -> String {
        format!(r#"<svg viewBox="0 0 {WIDTH} {height:.0}" role="img">{}{}</svg>"#, '\n', self.body)
    }
}
