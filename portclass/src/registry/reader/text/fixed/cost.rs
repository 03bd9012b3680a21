//! What speaks against a way to put lines into rows, and how much.

use std::ops::{Add, Sub};

/// A line that belongs to no row, or a row that ends with the file before it ends.
pub(super) const LOST: u32 = 48;
/// A blank line that belongs to no row.
pub(super) const BLANK: u32 = 12;
/// A cell that is not in the middle of its row.
pub(super) const OFF_CENTRE: u32 = 16;
/// A port that is none.
pub(super) const NO_PORT: u32 = 8;
/// A blank line inside a cell.
pub(super) const GAP: u32 = 6;
/// A row with a name and nothing else.
pub(super) const NAME_ALONE: u32 = 4;
/// A fold where the next word has room.
pub(super) const EARLY_FOLD: u32 = 3;
/// A name without a port, with characters that no name should have.
pub(super) const ODD_NAME: u32 = 2;
/// A folded name or port.
pub(super) const FOLDED_KEY: u32 = 1;

/// A column in which two records of one name differ.
pub(super) const DIFFERING: u32 = 3;
/// A fold in the notes where the next word has room; they have line breaks of their own.
pub(super) const BREAK_IN_NOTES: u32 = 1;

/// A cell that begins with a small letter, in characters of room at a fold.
pub(super) const SMALL_START: u32 = 6;
/// A cell that ends with a comma, a colon or a dash.
pub(super) const OPEN_END: u32 = 12;

/// What speaks against a way, the weightiest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    /// Where cells stand and are folded.
    pub(super) layout: u32,
    /// How unlike the records of one name are.
    pub(super) likeness: u32,
    /// What is less usual. It picks among ways, but makes none of them certain.
    pub(super) oddness: u32,
}

impl Cost {
    pub(super) fn of_layout(layout: u32) -> Self {
        Self {
            layout,
            ..Self::default()
        }
    }

    /// What makes a way certain.
    pub(super) fn certain(self) -> (u32, u32) {
        (self.layout, self.likeness)
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            layout: self.layout + other.layout,
            likeness: self.likeness + other.likeness,
            oddness: self.oddness + other.oddness,
        }
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            layout: self.layout - other.layout,
            likeness: self.likeness - other.likeness,
            oddness: self.oddness - other.oddness,
        }
    }
}
