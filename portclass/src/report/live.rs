//! A table that is drawn in place, over the one before, without taking the screen away.

use std::io;

use unicode_width::UnicodeWidthChar as _;

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// Remembers what stands on the terminal.
#[derive(Debug, Default)]
pub struct Live {
    lines: usize,
    size: Option<Size>,
}

impl Live {
    /// Draws `lines` over those of the last time. Longer lines than the terminal's are cut, and so are more lines
    /// than it has: the cursor could not go back above the top.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn draw(
        &mut self,
        out: &mut impl io::Write,
        lines: &[String],
        size: Option<Size>,
    ) -> io::Result<()> {
        if self.lines > 0 && self.size != size {
            // The terminal has folded the lines anew, nobody knows how: home, and erase the screen.
            write!(out, "\x1b[H\x1b[2J")?;
            self.lines = 0;
        }
        self.clear(out)?;
        self.size = size;
        let (columns, rows) = size.map_or((usize::MAX, usize::MAX), |size| {
            (size.columns.into(), size.rows.into())
        });
        for line in lines.iter().take(rows.saturating_sub(1)) {
            writeln!(out, "{}", cut(line, columns))?;
            self.lines += 1;
        }
        Ok(())
    }

    /// Takes the lines of the last time away.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn clear(&mut self, out: &mut impl io::Write) -> io::Result<()> {
        if self.lines > 0 {
            // To the line's start, since Ctrl-C shows as two characters; ECMA-48: cursor up, erase to the screen's end.
            write!(out, "\r\x1b[{}A\x1b[J", self.lines)?;
        }
        self.lines = 0;
        Ok(())
    }
}

/// The start of `line` that fits in so many columns; East Asian characters take two.
fn cut(line: &str, columns: usize) -> &str {
    let mut width = 0;
    let past = line.char_indices().find(|(_, character)| {
        width += character.width().unwrap_or(0);
        width > columns
    });
    past.map_or(line, |(end, _)| &line[..end])
}
