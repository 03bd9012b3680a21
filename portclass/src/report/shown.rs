//! How much of a snapshot a table shows.

use crate::account::Snapshot;

/// How much of a snapshot a table may show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// Services at most.
    pub limit: Option<usize>,
    /// Lines at most; rows make room for the totals and headings.
    pub rows: Option<usize>,
}

/// How many rows of each kind a table shows, and whether it has a title and the parts below the reasons.
pub(super) struct Shown {
    pub(super) title: bool,
    pub(super) services: usize,
    pub(super) reasons: usize,
    pub(super) tunnels: Option<usize>,
    pub(super) tags: bool,
}

impl Shown {
    /// The rows share the lines that everything else leaves; where there are few, the numbers of the total come first.
    pub(super) fn new(snapshot: &Snapshot, layout: Layout) -> Self {
        let services = snapshot.services.len();
        let limit = services.min(layout.limit.unwrap_or(usize::MAX));
        let reasons = snapshot.unlabelled.len();
        let tunnels = snapshot.tunnels.as_ref().map(Vec::len);
        let all = Self {
            title: true,
            services: limit,
            reasons,
            tunnels,
            tags: snapshot.tags.is_some(),
        };
        let Some(rows) = layout.rows else { return all };
        // Heading, totals and the cursor's line; the reasons' blank line and heading.
        let mut room = rows.saturating_sub(if reasons > 0 { 5 } else { 3 });
        // A part takes a blank line and another one, and is left out where it would not leave `least` lines for rows.
        let mut affords = |least: usize| {
            let affords = room >= least + 2;
            room -= if affords { 2 } else { 0 };
            affords
        };
        let title = affords(3);
        let tags = all.tags && affords(3);
        let tunnels = tunnels.filter(|_| affords(6));
        let wants = [
            limit + usize::from(limit < services),
            reasons,
            tunnels.unwrap_or(0),
        ];
        let lines = shared(room, wants);
        Self {
            title,
            services: rows_in(lines[0], limit, services),
            reasons: rows_in(lines[1], reasons, reasons),
            tunnels: tunnels.map(|tunnels| rows_in(lines[2], tunnels, tunnels)),
            tags,
        }
    }
}

/// Shares `room` lines among kinds of rows. Each has an equal part, and what those want less is the others'.
fn shared(room: usize, wants: [usize; 3]) -> [usize; 3] {
    // The first kind comes last among equals, and so has the lines that are left over.
    let mut kinds = [2, 1, 0];
    kinds.sort_by_key(|&kind| wants[kind]);
    let mut left = room;
    let mut lines = [0; 3];
    for (kind, others) in kinds.into_iter().zip([3, 2, 1]) {
        lines[kind] = wants[kind].min(left / others);
        left -= lines[kind];
    }
    lines
}

/// How many rows fit in so many lines: `limit` at most, and if that is not all of them a line says how many more.
fn rows_in(lines: usize, limit: usize, all: usize) -> usize {
    if lines >= limit + usize::from(limit < all) {
        limit
    } else {
        lines.saturating_sub(1)
    }
}
