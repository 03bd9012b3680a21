//! The headings of the columns, folded and centred like any other row.

use std::ops::Range;

use crate::registry::Column;

/// Lines that headings may take above and below the one with 'Service Name'; their longest has three words.
const LINES_ABOVE: usize = 2;
const LINES_BELOW: usize = 3;

/// A line of headings that is wider than this is none; it bounds the search for the columns.
const MAX_WIDTH: usize = 8 << 10;

/// Where the headings stand.
pub(super) struct Heading {
    /// The characters that each covers.
    pub(super) spans: [Span; Column::COUNT],
    /// The offset behind their last line.
    pub(super) end: usize,
}

/// The characters that a heading covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// From the leftmost to the rightmost, of all its lines.
    pub(super) all: Range<usize>,
    /// Those of its widest line.
    pub(super) widest: Range<usize>,
}

impl Heading {
    /// The headings whose line with 'Service Name' starts at the offset `from`.
    pub(super) fn at(text: &str, from: usize) -> Option<Self> {
        let above: Vec<_> = text[..from].lines().rev().take(LINES_ABOVE).collect();
        let below: Vec<_> = text[from..]
            .split_inclusive('\n')
            .take(1 + LINES_BELOW)
            .collect();
        for lines_above in 0..=above.len() {
            for lines_below in 1..=below.len() {
                let lines: Vec<_> = above[..lines_above]
                    .iter()
                    .rev()
                    .chain(&below[..lines_below])
                    .copied()
                    .collect();
                if let Some(spans) = spans(&lines, lines_above) {
                    let length: usize = below[..lines_below].iter().map(|line| line.len()).sum();
                    return Some(Self {
                        spans,
                        end: from + length,
                    });
                }
            }
        }
        None
    }
}

/// The spans of all headings, if `lines` hold these and nothing else.
fn spans(lines: &[&str], first: usize) -> Option<[Span; Column::COUNT]> {
    if lines
        .iter()
        .any(|line| line.len() > MAX_WIDTH || !line.is_ascii() || line.trim().is_empty())
    {
        return None;
    }
    let words: Vec<_> = lines.iter().map(|line| words(line)).collect();
    ["Known Unauthorized Uses", Column::UnauthorizedUse.heading()]
        .into_iter()
        .find_map(|unauthorized_use| {
            let headings = Column::ALL.map(|column| match column {
                Column::UnauthorizedUse => unauthorized_use,
                _ => column.heading(),
            });
            place(&headings, &words, first)
        })
}

struct Word<'line> {
    text: &'line str,
    span: Range<usize>,
}

fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        let length = rest
            .find(|character: char| character.is_ascii_whitespace())
            .unwrap_or(rest.len());
        if length == 0 {
            return words;
        }
        let start = line.len() - rest.len();
        words.push(Word {
            text: &rest[..length],
            span: start..start + length,
        });
        rest = &rest[length..];
    }
}

/// Gives every word to a heading, each line's from left to right. The first heading starts in the line `first`.
fn place(
    headings: &[&str; Column::COUNT],
    lines: &[Vec<Word<'_>>],
    first: usize,
) -> Option<[Span; Column::COUNT]> {
    let mut next = vec![0; lines.len()];
    let mut spans: [Span; Column::COUNT] = Default::default();
    for (column, (heading, span)) in headings.iter().zip(&mut spans).enumerate() {
        // 'Service' and 'Port' may stand higher up too, where they belong to other headings.
        let mut from = if column < 2 { first } else { 0 };
        let mut of_line = 0..0;
        for wanted in heading.split(' ') {
            let (line, word) = (from..lines.len()).find_map(|line| {
                let word = lines[line].get(next[line])?;
                (word.text == wanted).then_some((line, word))
            })?;
            next[line] += 1;
            of_line = if line == from && !of_line.is_empty() {
                of_line.start..word.span.end
            } else {
                word.span.clone()
            };
            from = line;
            if span.all.is_empty() {
                span.all = of_line.clone();
            }
            span.all = span.all.start.min(of_line.start)..span.all.end.max(of_line.end);
            if of_line.len() > span.widest.len() {
                span.widest = of_line.clone();
            }
        }
    }
    let is_all_placed = lines
        .iter()
        .zip(next)
        .all(|(words, next)| words.len() == next);
    is_all_placed.then_some(spans)
}
