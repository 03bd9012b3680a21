//! The few styles of the screen, and text put into its cells.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthStr as _;

use crate::text::one_line;

/// What tells things apart beside brightness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// Nothing does.
    None,
    /// Those that every terminal has, and that its owner has chosen.
    #[default]
    Sixteen,
}

impl Colours {
    fn with(self, style: Style, colour: Color) -> Style {
        match self {
            Self::None => style,
            Self::Sixteen => style.fg(colour),
        }
    }

    pub(super) fn heading(self) -> Style {
        self.with(Style::new().add_modifier(Modifier::BOLD), Color::Cyan)
    }

    pub(super) const fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) const fn weak() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) const fn selected() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn graph(self) -> Style {
        self.with(Style::new(), Color::Green)
    }

    pub(super) fn notice(self) -> Style {
        self.with(Style::new().add_modifier(Modifier::BOLD), Color::Yellow)
    }
}

/// Which edge text stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Left,
    Right,
}

/// Puts a line of text into the first line of `area`, harmless, and cut with an ellipsis where it is too long.
pub(super) fn put(buffer: &mut Buffer, area: Rect, text: &str, edge: Edge, style: Style) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let text = one_line(text);
    let (width, room) = (text.width(), usize::from(area.width));
    if width > room {
        let (end, _) = buffer.set_stringn(area.x, area.y, &text, room - 1, style);
        buffer.set_stringn(end, area.y, "…", 1, style);
        return;
    }
    let blank = match edge {
        Edge::Left => 0,
        Edge::Right => area.width - width as u16,
    };
    buffer.set_stringn(area.x + blank, area.y, &text, room, style);
}

/// Puts as many of `parts` as there is room for, in their order, side by side. Blanks at the start of one keep its width,
/// whatever its numbers are.
pub(super) fn put_parts(buffer: &mut Buffer, area: Rect, parts: &[(String, Style)]) {
    const GAP: u16 = 2;
    let mut rest = area;
    for (position, (padded, style)) in parts.iter().enumerate() {
        let text = one_line(padded);
        let width = padded.width().max(text.width());
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        if width > rest.width && position > 0 {
            continue;
        }
        let room = Rect {
            width: width.min(rest.width),
            ..rest
        };
        put(buffer, room, &text, Edge::Right, *style);
        let taken = width.saturating_add(GAP).min(rest.width);
        rest.x += taken;
        rest.width -= taken;
    }
}

/// The line of `area` that is so far from its top; empty where there is none.
pub(super) fn line(area: Rect, from_top: u16) -> Rect {
    Rect {
        y: area.y.saturating_add(from_top),
        height: 1,
        ..area
    }
    .intersection(area)
}
