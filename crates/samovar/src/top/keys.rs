//! Which key does what.

use super::section::SectionName;
use super::view::Action;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What is told of them, in their order.
pub const HELP: [(&str, &str); 8] = [
    ("q Esc Ctrl-C", "end"),
    ("0", "all tables"),
    ("1 2 3 4", "models, streams, jobs, pools alone"),
    ("Tab", "the next table"),
    ("s", "another order: as told, busiest first, slowest first"),
    ("p Space", "pause, go on"),
    ("↑ ↓ PgUp PgDn", "scroll where one table is alone"),
    ("?", "these keys"),
];

/// What a key asks for; none where it is for nothing, and when it is let go.
pub fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Action::End);
    }
    Some(match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Action::End,
        KeyCode::Char('0') => Action::Show(None),
        KeyCode::Char(digit @ '1'..='4') => Action::Show(SectionName::ALL.get(digit as usize - '1' as usize).copied()),
        KeyCode::Tab => Action::Next,
        KeyCode::Char('s') => Action::Sort,
        KeyCode::Char('p' | ' ') => Action::Pause,
        KeyCode::Char('?' | 'h') => Action::Help,
        KeyCode::Up | KeyCode::Char('k') => Action::Scroll(-1),
        KeyCode::Down | KeyCode::Char('j') => Action::Scroll(1),
        KeyCode::PageUp => Action::Scroll(-10),
        KeyCode::PageDown => Action::Scroll(10),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_what_the_help_says() {
        let press = |code| action(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!([KeyCode::Char('q'), KeyCode::Esc].map(press), [Some(Action::End); 2]);
        assert_eq!(action(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Action::End));
        assert_eq!(press(KeyCode::Char('c')), None);
        assert_eq!(press(KeyCode::Char('3')), Some(Action::Show(Some(SectionName::Jobs))));
        assert_eq!((press(KeyCode::Char('0')), press(KeyCode::Char('5'))), (Some(Action::Show(None)), None));
        assert_eq!((press(KeyCode::Tab), press(KeyCode::Char('s'))), (Some(Action::Next), Some(Action::Sort)));
        assert_eq!(
            (press(KeyCode::Up), press(KeyCode::PageDown)),
            (Some(Action::Scroll(-1)), Some(Action::Scroll(10)))
        );
        let mut let_go = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        let_go.kind = KeyEventKind::Release;
        assert_eq!(action(let_go), None);
    }
}
