//! A text that is drawn anew in place on a terminal.

/// What is longer than the terminal is wide is cut off there instead of taking a second line.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// A text that is drawn anew in place.
#[derive(Debug, Default)]
pub struct Redraw {
    /// Lines of it that are on the screen.
    lines: usize,
}

impl Redraw {
    /// What to print so that `text` stands where the text before it stood.
    pub fn over(&mut self, text: &str) -> String {
        let back = if self.lines == 0 { String::new() } else { format!("\x1b[{}F\x1b[J", self.lines) };
        self.lines = text.matches('\n').count();
        format!("{back}{NO_WRAP}{text}{WRAP}")
    }
}
