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

#[cfg(test)]
mod tests {
    use super::{age, render};

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
