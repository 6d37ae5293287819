//! Tables as kubectl prints them: upper-case headers, columns aligned with three spaces between.

/// Lays rows out under their headers. The last column is not padded.
pub(crate) fn render(headers: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headers[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headers.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("   ").trim_end())
    };
    let mut text = line(&mut headers.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// A time as kubectl shows ages: `45s`, `12m`, `5h`, `3d`.
pub(crate) fn age(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// An amount of bytes in the largest unit of which there is one: `17 B`, `1.5 MiB`.
pub(crate) fn bytes(amount: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if amount < 1024 {
        return format!("{amount} B");
    }
    // In tenths, rounded down, without a float.
    let (mut tenths, mut unit) = (u128::from(amount) * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A moment in milliseconds since 1970, in UTC: `2026-01-02T03:04:05Z`.
pub(crate) fn moment(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    let text = moment.and_then(|moment| moment.format(&time::format_description::well_known::Rfc3339).ok());
    text.unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{age, bytes, moment, render};

    #[test]
    fn amounts_and_moments_are_read_by_people() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (1 << 41, "2.0 TiB")];
        for (amount, text) in cases {
            assert_eq!(bytes(amount), text);
        }
        assert_eq!((moment(1_700_000_000_123), moment(u64::MAX)), ("2023-11-14T22:13:20Z".to_owned(), "-".to_owned()));
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_space() {
        let rows = [
            vec!["a".to_owned(), "long cell".to_owned(), String::new()],
            vec!["äöü".to_owned(), "x".to_owned(), "y".to_owned()],
        ];
        assert_eq!(render(&["A", "B", "C"], &rows), "A     B           C\na     long cell\näöü   x           y\n");
    }

    #[test]
    fn ages_are_short() {
        let cases = [(999, "0s"), (119_000, "119s"), (120_000, "2m"), (7_200_000, "2h"), (172_800_000, "2d")];
        for (ms, text) in cases {
            assert_eq!(age(ms), text);
        }
    }
}
