//! Where the columns begin: headings stand in the middle of theirs, and between two columns all rows are blank.

use std::ops::Range;

use super::heading::{Heading, Span};
use crate::registry::Column;

/// What a line with text between two columns weighs against a heading that is off its column's middle by one.
const ACROSS: u64 = 16;

/// The columns of the table.
pub(super) struct Columns {
    /// The first character of each.
    pub(super) starts: [usize; Column::COUNT],
    /// How many characters each has room for.
    pub(super) widths: [usize; Column::COUNT],
}

impl Columns {
    /// The columns of the table with these headings and rows, unless there is no room between the headings.
    pub(super) fn of(heading: &Heading, rows: &str) -> Option<Self> {
        let ink = Ink::of(rows, heading.spans[Column::COUNT - 1].all.start + 1);
        let starts = starts(&heading.spans, &ink)?;
        let mut widths = [0; Column::COUNT];
        for (column, width) in widths.iter_mut().enumerate() {
            *width = match starts.get(column + 1) {
                Some(next) => next - 1 - starts[column],
                None => ink.width.saturating_sub(starts[column]),
            };
        }
        Some(Self { starts, widths })
    }
}

/// How many lines have text at a character.
struct Ink {
    filled: Vec<u32>,
    /// Those whose text starts there.
    started: Vec<u32>,
    /// Characters of the longest line.
    width: usize,
}

impl Ink {
    /// Lines that are not all ASCII are left out: a browser may have counted their bytes.
    fn of(rows: &str, characters: usize) -> Self {
        let mut ink = Self {
            filled: vec![0; characters],
            started: vec![0; characters],
            width: 0,
        };
        for line in rows.lines().filter(|line| line.is_ascii()) {
            let line = line.trim_ascii_end().as_bytes();
            ink.width = ink.width.max(line.len());
            let mut was_blank = true;
            for ((filled, started), byte) in ink.filled.iter_mut().zip(&mut ink.started).zip(line) {
                let is_blank = byte.is_ascii_whitespace();
                *filled += u32::from(!is_blank);
                *started += u32::from(was_blank && !is_blank);
                was_blank = is_blank;
            }
        }
        ink
    }
}

/// The better of two choices costs less, and more lines start where it has columns start.
type Cost = (u64, u64);

/// The starts that cost least, of all that leave each heading in its column: from left to right, the best way to every
/// possible start of a column is found from those to the starts of the one before.
fn starts(spans: &[Span; Column::COUNT], ink: &Ink) -> Option<[usize; Column::COUNT]> {
    let most = ink.started.iter().copied().max().unwrap_or_default();
    let not_started = |start: usize| u64::from(most - ink.started[start]);
    let mut before = 0;
    let mut ways: Vec<Vec<(usize, Cost, usize)>> = vec![
        (0..=spans[0].all.start)
            .map(|start| {
                let cost = (ACROSS * before, not_started(start));
                before += u64::from(ink.filled[start]);
                (start, cost, 0)
            })
            .collect(),
    ];
    for pair in spans.windows(2) {
        let [span, next] = pair else { continue };
        let from = ways.last()?;
        let to: Vec<_> = (span.all.end + 1..=next.all.start)
            .filter_map(|start| {
                let across = ACROSS * u64::from(ink.filled[start - 1]);
                let (cost, way) = from
                    .iter()
                    .enumerate()
                    .map(|(way, &(left, cost, _))| {
                        let off = off_centre(left, &span.widest, start) as u64;
                        ((cost.0 + across + off, cost.1), way)
                    })
                    .min()?;
                Some((start, (cost.0, cost.1 + not_started(start)), way))
            })
            .collect();
        ways.push(to);
    }
    let mut starts = [0; Column::COUNT];
    let last = ways.last()?.iter().enumerate();
    let (mut way, _) = last.min_by_key(|(_, (_, cost, _))| *cost)?;
    for (start, ways) in starts.iter_mut().zip(&ways).rev() {
        (*start, _, way) = ways[way];
    }
    Some(starts)
}

/// How far the next column is from where it would begin if the heading stood in the middle of this one, which has an odd
/// blank on its right.
fn off_centre(left: usize, heading: &Range<usize>, next: usize) -> usize {
    let even = heading.end + (heading.start - left) + 1;
    if next < even {
        even - next
    } else {
        (next - even).saturating_sub(1)
    }
}
