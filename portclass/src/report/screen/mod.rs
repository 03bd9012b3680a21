//! A screen that is fed with snapshots and keys and drawn into a frame. It knows neither a kernel nor a terminal.

mod column;
mod detail;
mod filter;
mod frame;
mod help;
mod history;
mod keys;
mod list;
mod paint;
mod row;

use std::time::Duration;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{Paragraph, Widget as _, Wrap},
};

use self::{
    detail::Detail,
    filter::Filter,
    frame::HEADER,
    help::KEYS,
    history::History,
    list::List,
    paint::line,
    row::{Id, Row, Subject},
};
pub use self::{keys::Key, paint::Colours, row::Order};
use crate::{account::Snapshot, registry::Registry};

/// The least width and height that anything can be read in.
const LEAST: (u16, u16) = (24, 7);

/// The times between two snapshots that keys choose from.
const INTERVALS: [Duration; 9] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// How a screen begins.
#[derive(Clone, Copy, Debug)]
pub struct ScreenOptions {
    /// Time between two snapshots.
    pub interval: Duration,
    /// The order of rows.
    pub order: Order,
    /// What tells things apart beside brightness.
    pub colours: Colours,
}

/// Whose word the description of a service is.
pub enum Described {
    /// By the registry that labels come from.
    ByLabels(Registry),
    /// By another one, since labels come from maps, which have names alone.
    ByShipped(Registry),
}

/// A snapshot, and what the ones before it said.
#[derive(Clone)]
struct Watched {
    snapshot: Snapshot,
    history: History,
}

/// What takes the screen.
enum View {
    List,
    Detail(Box<Detail>),
    Help,
}

/// Where the mark stands in a list.
#[derive(Default)]
struct Cursor {
    /// The row it follows; without one it stays at the top.
    on: Option<Id>,
    /// Where it stood last, for rows that are gone.
    at: usize,
}

/// What is looked at, and how.
pub struct Screen {
    now: Watched,
    /// What is shown while the screen is paused.
    still: Option<Watched>,
    described: Described,
    view: View,
    subject: Subject,
    cursor: Cursor,
    /// The first row that is visible, and how many of them are.
    first: usize,
    page: usize,
    order: Order,
    reversed: bool,
    numbers: bool,
    filter: Filter,
    is_typing: bool,
    interval: Duration,
    colours: Colours,
    note: Option<String>,
    /// Lines of the help that are scrolled away.
    scroll: u16,
    is_over: bool,
}

impl Screen {
    /// A screen that shows `snapshot`, and describes services as `described` says.
    pub fn new(snapshot: Snapshot, described: Described, options: ScreenOptions) -> Self {
        Self {
            now: Watched {
                snapshot,
                history: History::default(),
            },
            still: None,
            described,
            view: View::List,
            subject: Subject::default(),
            cursor: Cursor::default(),
            first: 0,
            page: 1,
            order: options.order,
            reversed: false,
            numbers: false,
            filter: Filter::default(),
            is_typing: false,
            interval: options.interval,
            colours: options.colours,
            note: None,
            scroll: 0,
            is_over: false,
        }
    }

    /// Takes over what was counted in an interval.
    pub fn update(&mut self, snapshot: Snapshot) {
        self.now.history.add(&snapshot);
        self.now.snapshot = snapshot;
    }

    /// Shows a line that was said, until another one is or a key is pressed.
    pub fn say(&mut self, line: String) {
        self.note = Some(line);
    }

    /// The time between two snapshots that is wanted.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether somebody has seen enough.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Draws everything.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let buffer = frame.buffer_mut();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let text = format!("too small: at least {}x{}", LEAST.0, LEAST.1);
            Paragraph::new(text)
                .wrap(Wrap { trim: true })
                .render(area, buffer);
            return;
        }
        self.header(
            buffer,
            Rect {
                height: HEADER,
                ..area
            },
        );
        self.footer(buffer, line(area, area.height - 1));
        let note = u16::from(self.note.is_some());
        if note > 0 {
            self.note(buffer, line(area, area.height - 2));
        }
        // A blank line where there is room for one.
        let gap = u16::from(area.height >= 20);
        let body = Rect {
            y: area.y + HEADER + gap,
            height: area.height - HEADER - gap - note - 1,
            ..area
        };
        self.page = usize::from(body.height.saturating_sub(1)).max(1);
        match &self.view {
            View::List => self.list(buffer, body),
            View::Detail(detail) => self.detail(buffer, body, detail),
            View::Help => self.help(buffer, body),
        }
    }

    fn list(&mut self, buffer: &mut Buffer, area: Rect) {
        let rows = self.rows();
        let selected = self.selected(&rows);
        let last = rows.len().saturating_sub(self.page);
        let first = self.first.min(last).min(selected);
        let first = first.max((selected + 1).saturating_sub(self.page));
        List {
            watched: self.shown(),
            subject: self.subject,
            rows: &rows,
            first,
            selected,
            numbers: self.numbers,
            colours: self.colours,
        }
        .draw(buffer, area);
        (self.first, self.cursor.at) = (first, selected);
    }

    fn help(&self, buffer: &mut Buffer, area: Rect) {
        let line = |(key, does): (&str, &str)| Line::raw(format!("{key:<11} {does}"));
        Paragraph::new(KEYS.map(line).to_vec())
            .wrap(Wrap { trim: false })
            .scroll((self.scroll, 0))
            .render(area, buffer);
    }

    fn shown(&self) -> &Watched {
        self.still.as_ref().unwrap_or(&self.now)
    }

    /// The rows of the list that is shown: those that pass the filter, in order.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Row::all(&self.shown().snapshot, self.subject);
        rows.retain(|row| self.filter.matches(row));
        rows.sort_unstable_by(|one, other| self.order.compare(one, other));
        if self.reversed {
            rows.reverse();
        }
        rows
    }

    /// Where the mark stands among `rows`.
    fn selected(&self, rows: &[Row<'_>]) -> usize {
        let Some(on) = &self.cursor.on else { return 0 };
        let at = rows.iter().position(|row| row.is(on));
        at.unwrap_or_else(|| self.cursor.at.min(rows.len().saturating_sub(1)))
    }

    fn has_tunnels(&self) -> bool {
        self.shown().snapshot.tunnels.is_some()
    }

    /// Says whose word the description is, where it is not that of the labels.
    fn of_which_registry(&self) -> &'static str {
        match self.described {
            Described::ByLabels(_) => "",
            Described::ByShipped(_) => " (the shipped one; labels come from the pinned one)",
        }
    }
}

#[cfg(test)]
mod tests;
