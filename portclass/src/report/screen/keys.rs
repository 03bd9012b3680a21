//! What keys do.

use std::time::Duration;

use super::{Cursor, Described, INTERVALS, Screen, View, detail::Detail, row::Subject};

/// A key, whatever terminal it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// Return.
    Enter,
    /// Escape.
    Escape,
    /// Takes the last character back.
    Backspace,
    /// A character.
    Char(char),
    /// Out, whatever is on the screen.
    Quit,
}

/// Where the mark, or a text, is moved.
#[derive(Clone, Copy)]
enum Move {
    By(isize),
    Start,
    End,
}

impl Screen {
    /// Does what `key` stands for.
    pub fn press(&mut self, key: Key) {
        self.note = None;
        if key == Key::Quit {
            self.is_over = true;
            return;
        }
        if self.is_typing {
            return self.write(key);
        }
        if let Some(how) = self.movement(key) {
            return self.go(how);
        }
        match key {
            Key::Char('q') => self.is_over = true,
            Key::Char(' ') => self.pause(),
            Key::Char('+') => self.change_interval(|interval| {
                INTERVALS.into_iter().find(|&longer| longer > interval)
            }),
            Key::Char('-') => self.change_interval(|interval| {
                INTERVALS.into_iter().rfind(|&shorter| shorter < interval)
            }),
            Key::Char('?') => {
                self.scroll = 0;
                self.view = match self.view {
                    View::Help => View::List,
                    View::List | View::Detail(_) => View::Help,
                };
            }
            _ => match self.view {
                View::List => self.press_in_list(key),
                View::Detail(_) | View::Help => {
                    if matches!(key, Key::Escape | Key::Enter | Key::Backspace) {
                        self.view = View::List;
                    }
                }
            },
        }
    }

    fn press_in_list(&mut self, key: Key) {
        match key {
            Key::Enter => self.open(),
            Key::Escape => self.filter.clear(),
            Key::Char('s') => self.order = self.order.next(),
            Key::Char('r') => self.reversed = !self.reversed,
            Key::Char('n') => self.numbers = !self.numbers,
            Key::Char('/' | 'f') => self.is_typing = true,
            Key::Char('u') => self.look_at(match self.subject {
                Subject::Services => Subject::Reasons,
                Subject::Reasons | Subject::Tunnels => Subject::Services,
            }),
            Key::Char('t') if self.has_tunnels() => self.look_at(match self.subject {
                Subject::Tunnels => Subject::Services,
                Subject::Services | Subject::Reasons => Subject::Tunnels,
            }),
            _ => {}
        }
    }

    /// Writes the filter, which holds from its first character on.
    fn write(&mut self, key: Key) {
        match key {
            Key::Char(character) => self.filter.push(character),
            Key::Backspace => self.filter.pop(),
            Key::Enter => self.is_typing = false,
            Key::Escape => {
                self.filter.clear();
                self.is_typing = false;
            }
            _ => {}
        }
    }

    fn movement(&self, key: Key) -> Option<Move> {
        let page = self.page as isize;
        Some(match key {
            Key::Up | Key::Char('k') => Move::By(-1),
            Key::Down | Key::Char('j') => Move::By(1),
            Key::PageUp => Move::By(-page),
            Key::PageDown => Move::By(page),
            Key::Home | Key::Char('g') => Move::Start,
            Key::End | Key::Char('G') => Move::End,
            _ => return None,
        })
    }

    fn go(&mut self, how: Move) {
        /// Lines of a text that nobody scrolls beyond.
        const FARTHEST: u16 = 200;
        let scrolled = |from: u16| match how {
            Move::By(lines) => from.saturating_add_signed(lines as i16).min(FARTHEST),
            Move::Start => 0,
            Move::End => from,
        };
        match &mut self.view {
            View::Detail(detail) => detail.scroll = scrolled(detail.scroll),
            View::Help => self.scroll = scrolled(self.scroll),
            View::List => {
                let rows = self.rows();
                let last = rows.len().saturating_sub(1);
                let at = match how {
                    Move::By(rows_on) => self.selected(&rows).saturating_add_signed(rows_on),
                    Move::Start => 0,
                    Move::End => last,
                }
                .min(last);
                // At the very start it stays there, whatever comes first.
                let is_start = matches!(how, Move::Start);
                let on = rows.get(at).filter(|_| !is_start).map(|row| row.id());
                self.cursor = Cursor { on, at };
            }
        }
    }

    fn open(&mut self) {
        let rows = self.rows();
        let (Described::ByLabels(registry) | Described::ByShipped(registry)) = &self.described;
        let row = rows.get(self.selected(&rows));
        let detail = row.map(|row| Detail::new(row, registry));
        if let Some(detail) = detail {
            self.cursor.on = Some(detail.id.clone());
            self.view = View::Detail(Box::new(detail));
        }
    }

    fn look_at(&mut self, subject: Subject) {
        self.subject = subject;
        self.cursor = Cursor::default();
        self.first = 0;
    }

    fn pause(&mut self) {
        self.still = match self.still {
            Some(_) => None,
            None => Some(self.now.clone()),
        };
    }

    fn change_interval(&mut self, next: impl Fn(Duration) -> Option<Duration>) {
        self.interval = next(self.interval).unwrap_or(self.interval);
    }
}
