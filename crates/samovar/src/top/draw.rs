//! Draws the view on a screen of any size.

use super::bar::time;
use super::header;
use super::keys::HELP;
use super::layout::share_out;
use super::plain::{HEADER_BAR, header_text, table_lines};
use super::section::{Mood, Section, SectionName};
use super::view::View;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};
use std::time::Instant;

/// Draws everything. What does not fit is cut off at the right and below.
pub fn draw(frame: &mut Frame<'_>, view: &View, now: Instant) {
    let area = frame.area();
    let mut left = Remaining { area };
    left.put(frame, &title(view));
    if let Some((since, error)) = &view.problem {
        let away = time(now.saturating_duration_since(*since).as_secs_f64());
        left.put(frame, &Line::from(format!("no answer for {away}, trying on: {}", error.message)).fg(Color::Red));
    }
    let Some(reading) = &view.reading else { return };
    if view.help {
        for (keys, what) in HELP {
            left.put(frame, &Line::from(format!("  {keys:<14} {what}")));
        }
        return;
    }
    let lines = header::lines(&reading.machine, &view.rates);
    // A low screen is for the tables.
    for line in lines.iter().take(usize::from(area.height / 4).max(1)) {
        let place = left.put(frame, &header_line(line));
        if line.label == "cpu" {
            sparkline(frame, view, place, header_text(line).chars().count());
        }
    }
    sections(frame, view, left.area);
}

fn title(view: &View) -> Line<'_> {
    let who = view.reading.as_ref().map_or_else(|| "samovar".to_owned(), |reading| header::title(&reading.machine));
    let paused = if view.paused { Span::from("  PAUSED").fg(Color::Yellow).bold() } else { Span::default() };
    let order = format!("  {}  ? tells the keys", view.order.name());
    Line::from(vec![Span::from(who).bold(), Span::from(format!("  {}", view.url)), paused, Span::from(order).dim()])
}

fn header_line(line: &header::HeaderLine) -> Line<'static> {
    let text = header_text(line);
    let Some(share) = line.share else { return Line::from(text) };
    let bar_end = 5 + HEADER_BAR;
    let color = match share {
        share if share > 0.95 => Color::Red,
        share if share > 0.8 => Color::Yellow,
        _ => Color::Green,
    };
    // Label, brackets and bar are plain letters.
    let (label, rest) = text.split_at(5);
    let (bar, rest) = rest.split_at(bar_end - 5);
    Line::from(vec![Span::from(label.to_owned()), Span::from(bar.to_owned()).fg(color), Span::from(rest.to_owned())])
}

/// How busy the cores were, in what the line leaves free.
fn sparkline(frame: &mut Frame<'_>, view: &View, line: Rect, taken: usize) {
    let taken = u16::try_from(taken + 2).unwrap_or(u16::MAX);
    let width = line.width.saturating_sub(taken);
    if width == 0 || line.height == 0 {
        return;
    }
    let shares = view.busy.newest(usize::from(width));
    let place = Rect { x: line.x + taken, width, ..line };
    frame.render_widget(Sparkline::default().data(shares).max(100).style(Style::new().fg(Color::Cyan)), place);
}

fn sections(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let Some(reading) = &view.reading else { return };
    let names = view.focus.map_or_else(|| SectionName::ALL.to_vec(), |focus| vec![focus]);
    let sections: Vec<Section> = names.iter().map(|name| name.section(reading, &view.rates, view.order)).collect();
    let wants: Vec<u16> = sections.iter().map(wanted).collect();
    let mut y = area.y;
    for ((name, section), height) in names.into_iter().zip(&sections).zip(share_out(&wants, area.height)) {
        table(frame, Rect { y, height, ..area }, section, (name, view.scroll));
        y += height;
    }
}

/// A blank, the title, the headings and the rows.
fn wanted(section: &Section) -> u16 {
    let lines = if section.rows.is_empty() { 2 } else { section.rows.len() + 3 };
    u16::try_from(lines).unwrap_or(u16::MAX)
}

fn table(frame: &mut Frame<'_>, area: Rect, section: &Section, (name, scroll): (SectionName, usize)) {
    let mut left = Remaining { area };
    if area.height > 3 || section.rows.is_empty() && area.height == 2 {
        left.put(frame, &Line::default());
    }
    let shown = usize::from(left.area.height.saturating_sub(2)).min(section.rows.len().saturating_sub(scroll));
    let hidden = section.rows.len() - shown;
    let more = if hidden > 0 { format!("  {hidden} more") } else { String::new() };
    let number = SectionName::ALL.iter().position(|&one| one == name).map_or(0, |at| at + 1);
    let title = Span::from(format!("{number} {}", section.title)).bold().fg(Color::Cyan);
    left.put(
        frame,
        &Line::from(vec![title, Span::from(format!("  {}", section.note)), Span::from(more).fg(Color::Yellow)]),
    );
    let lines = table_lines(section);
    let mut lines = lines.into_iter();
    if let Some(headings) = lines.next().filter(|_| !section.rows.is_empty()) {
        left.put(frame, &Line::from(headings).dim());
    }
    for (line, row) in lines.zip(&section.rows).skip(scroll).take(shown) {
        left.put(frame, &Line::from(line).fg(color(row.mood)));
    }
}

const fn color(mood: Mood) -> Color {
    match mood {
        Mood::Well => Color::Green,
        Mood::Plain => Color::Reset,
        Mood::Busy => Color::Yellow,
        Mood::Bad => Color::Red,
    }
}

/// What is left of an area that is filled line by line.
struct Remaining {
    area: Rect,
}

impl Remaining {
    /// Draws a line where one is left, and tells where it stands.
    fn put(&mut self, frame: &mut Frame<'_>, line: &Line<'_>) -> Rect {
        let place = Rect { height: self.area.height.min(1), ..self.area };
        frame.render_widget(Paragraph::new(line.clone()), place);
        self.area = Rect { y: self.area.y + place.height, height: self.area.height - place.height, ..self.area };
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::CliError;
    use crate::top::section::tests::readings;
    use crate::top::view::Action;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn view() -> View {
        let (mut view, now) = (View::new("http://x:1".to_owned()), Instant::now());
        readings().into_iter().for_each(|reading| view.take(Ok(reading), now));
        view
    }

    fn screen(view: &View, (width, height): (u16, u16)) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view, Instant::now())).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }

    #[test]
    fn a_large_screen_shows_everything() {
        let lines = screen(&view(), (200, 60));
        let text = lines.join("\n");
        assert!(lines[0].starts_with("samovar 0.1.0, ready, up 12s  http://x:1"), "{text}");
        assert!(lines[1].starts_with("cpu  [###############-----]  75% 1.50 of 2 cores"), "{text}");
        for part in
            ["1 Models  1 of 2 ready", "2 Streams  3, 36.0", "3 Jobs  1 running", "4 Pools  0 misses", "NVIDIA H200"]
        {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        assert!(
            text.contains("walk.mp4") && text.contains("[####------]  120/300") && !text.contains("more"),
            "{text}"
        );
    }

    #[test]
    fn no_screen_is_too_small() {
        let mut view = view();
        for size in [(20, 5), (1, 1), (3, 60), (200, 2), (80, 24), (500, 3), (0, 0)] {
            for action in [Action::Next, Action::Help, Action::Help, Action::Scroll(50), Action::Sort] {
                view.press(action);
                drop(screen(&view, size));
            }
        }
        view.press(Action::Show(None));
        let small = screen(&view, (20, 5));
        assert!(small[0].starts_with("samovar 0.1.0"), "{small:?}");
    }

    #[test]
    fn one_table_has_the_screen_and_scrolls() {
        let mut view = view();
        view.press(Action::Show(Some(SectionName::Streams)));
        let all = screen(&view, (120, 30)).join("\n");
        assert!(all.contains("2 Streams") && !all.contains("1 Models"), "{all}");
        let few = screen(&view, (120, 6)).join("\n");
        assert!(few.contains("more") && few.contains(" 10.0 "), "{few}");
        view.press(Action::Scroll(2));
        let last = screen(&view, (120, 30)).join("\n");
        assert!(last.contains("2 more") && last.matches("detect").count() == 1, "{last}");
    }

    #[test]
    fn a_server_that_is_away_is_told_beside_what_was_seen() {
        let mut view = view();
        view.take(Err(CliError::new("server_unreachable", "no server can be reached")), Instant::now());
        let text = screen(&view, (120, 30)).join("\n");
        assert!(text.contains("no answer for 0s, trying on: no server can be reached"), "{text}");
        assert!(text.contains("1 Models"), "{text}");
        let mut first = View::new("http://x:1".to_owned());
        first.take(Err(CliError::new("server_unreachable", "no server can be reached")), Instant::now());
        assert!(screen(&first, (80, 5))[1].starts_with("no answer for"));
    }

    #[test]
    fn help_and_pause_are_seen() {
        let mut view = view();
        view.press(Action::Help);
        view.press(Action::Pause);
        let text = screen(&view, (100, 30)).join("\n");
        assert!(text.contains("PAUSED") && text.contains("slowest first") && text.contains("Ctrl-C"), "{text}");
    }
}
