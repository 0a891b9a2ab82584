//! The view as text: lines of columns, which a terminal draws in colours and `--once` prints.

use super::bar::{bar, percent};
use super::header::{self, HeaderLine};
use super::rates::Rates;
use super::reading::Reading;
use super::section::{Order, Section, SectionName};
use ratatui::text::Span;

/// Width of the bars above the tables.
pub const HEADER_BAR: usize = 22;

/// Everything once.
pub fn text(url: &str, reading: &Reading, rates: &Rates) -> String {
    let mut text = format!("{} at {url}\n", header::title(&reading.machine));
    for line in header::lines(&reading.machine, rates) {
        text.push_str(&format!("{}\n", header_text(&line)));
    }
    for section in SectionName::ALL.map(|name| name.section(reading, rates, Order::Told)) {
        text.push_str(&format!("\n{}: {}\n", section.title, section.note));
        let lines = table_lines(&section).into_iter().take(if section.rows.is_empty() { 0 } else { usize::MAX });
        lines.for_each(|line| text.push_str(&format!("{}\n", line.trim_end())));
    }
    text
}

/// `cpu  [####------]  41% 0.82 of 2 cores …`.
pub fn header_text(line: &HeaderLine) -> String {
    let bar = line.share.map_or_else(String::new, |share| format!("{} {:>4} ", bar(share, HEADER_BAR), percent(share)));
    format!("{:<5}{bar}{}", line.label, line.text)
}

/// A table as lines of the same columns, the headings first.
pub fn table_lines(section: &Section) -> Vec<String> {
    let headings = section.columns.iter().map(|column| column.name.to_owned()).collect();
    let lines: Vec<Vec<String>> =
        std::iter::once(headings).chain(section.rows.iter().map(|row| row.cells.clone())).collect();
    let width = |column: usize| lines.iter().map(|line| Span::raw(&line[column]).width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..section.columns.len()).map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).zip(section.columns);
        cells.map(|((cell, &width), column)| pad(cell, width, column.number)).collect::<Vec<_>>().join("  ")
    };
    lines.iter().map(padded).collect()
}

/// The text with blanks up to a width in cells of the terminal, before it where it is a number.
fn pad(text: &str, width: usize, number: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(Span::raw(text).width()));
    if number { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::section::tests::readings;

    #[test]
    fn everything_stands_under_its_heading() {
        let [before, now] = readings();
        let text = text("http://x:1", &now, &Rates::between(&before, &now));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "samovar 0.1.0, ready, up 12s at http://x:1");
        assert!(lines[1].starts_with("cpu  [###############-----]  75% 1.50 of 2 cores"), "{text}");
        let models = lines.iter().position(|line| *line == "Models: 1 of 2 ready").unwrap();
        assert_eq!(
            lines[models + 1..models + 4],
            [
                "model   state                       engine    precision  busy  runs/s  rows/s  queue ms  p50 ms  p99 ms  memory",
                "person  ready                       openvino  bf16        25%    10.0    20.0       1.5    20.0    31.0  121 MB",
                "face    failed: model_file_damaged  -         -            0%     0.0     0.0       0.0       -       -       -",
            ]
        );
        assert!(text.contains("\nJobs: 1 running, 1 waiting") && text.ends_with("0     17\n"), "{text}");
    }

    #[test]
    fn wide_letters_take_two_cells() {
        assert_eq!((pad("茶", 4, false), pad("茶", 4, true)), ("茶  ".to_owned(), "  茶".to_owned()));
    }
}
