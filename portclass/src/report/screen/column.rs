//! Which columns a list has room for.

use super::row::Subject;

/// A column of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Transport,
    Direction,
    Interface,
    Graph,
    PacketRate,
    BitRate,
    Packets,
    Bytes,
    Share,
}

/// Characters between two columns.
pub(super) const GAP: u16 = 2;
/// Characters of a name at least, and as many as are enough for nearly all of them.
const NAME: (u16, u16) = (14, 40);
/// Intervals of a graph at least, and at most.
const GRAPH: (u16, u16) = (8, 60);

impl Column {
    /// Those that are seldom of use go first.
    const BY_WEIGHT: [Self; 9] = [
        Self::BitRate,
        Self::Transport,
        Self::Direction,
        Self::Interface,
        Self::PacketRate,
        Self::Graph,
        Self::Bytes,
        Self::Packets,
        Self::Share,
    ];

    const IN_ORDER: [Self; 10] = [
        Self::Name,
        Self::Transport,
        Self::Direction,
        Self::Interface,
        Self::Graph,
        Self::PacketRate,
        Self::BitRate,
        Self::Packets,
        Self::Bytes,
        Self::Share,
    ];

    pub(super) const fn heading(self, subject: Subject) -> &'static str {
        match self {
            Self::Name => match subject {
                Subject::Services => "SERVICE",
                Subject::Reasons => "UNLABELLED",
                Subject::Tunnels => "TUNNEL",
            },
            Self::Transport => match subject {
                Subject::Reasons => "OF",
                Subject::Services | Subject::Tunnels => "TRANS",
            },
            Self::Direction => "DIR",
            Self::Interface => "IFACE",
            Self::Graph => "TREND",
            Self::PacketRate => "PKTS/S",
            Self::BitRate => "BITS/S",
            Self::Packets => "PACKETS",
            Self::Bytes => "BYTES",
            Self::Share => "SHARE",
        }
    }

    const fn width(self, subject: Subject) -> u16 {
        match self {
            Self::Name => NAME.0,
            // The longest of a transport, and of a protocol that is seen often.
            Self::Transport if matches!(subject, Subject::Reasons) => 9,
            Self::Transport => 5,
            Self::Direction | Self::Bytes | Self::Packets => 7,
            Self::Interface => 8,
            Self::Graph => GRAPH.0,
            Self::PacketRate | Self::BitRate | Self::Share => 6,
        }
    }

    pub(super) const fn is_number(self) -> bool {
        matches!(
            self,
            Self::PacketRate | Self::BitRate | Self::Packets | Self::Bytes | Self::Share
        )
    }
}

/// What the rows of a list are told apart by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needed {
    pub(super) directions: bool,
    pub(super) interfaces: bool,
}

/// The columns that fit in so many characters, each with its width. Names and graphs share what is left.
pub(super) fn columns(room: u16, subject: Subject, needed: Needed) -> Vec<(Column, u16)> {
    let is_needed = |column: &Column| match column {
        Column::Direction => needed.directions,
        Column::Interface => needed.interfaces,
        // Tunnels are in no total.
        Column::Share => subject != Subject::Tunnels,
        _ => true,
    };
    let mut left = room.saturating_sub(NAME.0);
    let mut has = vec![Column::Name];
    for column in Column::BY_WEIGHT.into_iter().filter(is_needed) {
        let width = GAP + column.width(subject);
        // The next one may be as useful, but must not take the place of this one.
        let Some(rest) = left.checked_sub(width) else {
            break;
        };
        left = rest;
        has.push(column);
    }
    let wider = |(least, most): (u16, u16), room: u16| least + room.min(most - least);
    let name = match has.contains(&Column::Graph) {
        // A name is read, a graph only looked at.
        true => wider(NAME, left.div_ceil(2)),
        false => wider(NAME, left),
    };
    let graph = wider(GRAPH, left - (name - NAME.0));
    let width = |column: Column| match column {
        Column::Name => name.min(room),
        Column::Graph => graph,
        other => other.width(subject),
    };
    let is_there = |column: &Column| has.contains(column);
    let present = Column::IN_ORDER.into_iter().filter(is_there);
    present.map(|column| (column, width(column))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Column, GAP, Needed, columns};
    use crate::report::screen::row::Subject;

    #[test]
    fn columns_never_take_more_than_there_is() {
        for room in 0..=400 {
            for [directions, interfaces] in
                [[false, false], [true, false], [false, true], [true, true]]
            {
                let needed = Needed {
                    directions,
                    interfaces,
                };
                for subject in [Subject::Services, Subject::Reasons, Subject::Tunnels] {
                    let columns = columns(room, subject, needed);
                    let gaps = GAP * (columns.len() as u16 - 1);
                    let taken = columns.iter().map(|&(_, width)| width).sum::<u16>() + gaps;
                    assert!(taken <= room, "{taken} of {room}: {columns:?}");
                    assert_eq!(columns[0].0, Column::Name);
                }
            }
        }
    }

    #[test]
    fn eighty_characters_are_enough_for_all_numbers() {
        let needed = Needed {
            directions: false,
            interfaces: false,
        };
        let all = |room| columns(room, Subject::Services, needed).len();
        assert_eq!((all(80), all(40)), (8, 4));
    }
}
