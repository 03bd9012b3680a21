//! All ports of one transport, and the record that decides each.

use super::Ports;

/// No record.
pub(super) const NONE: u32 = u32::MAX;

const PORTS: usize = 1 << 16;

/// The index of the record that decides a port, or [`NONE`]. It takes its room when the first file is laid, since until
/// then that file takes as much.
#[derive(Default)]
pub(super) struct Plane(Vec<u32>);

impl Plane {
    pub(super) fn get(&self, port: u16) -> u32 {
        self.0.get(usize::from(port)).copied().unwrap_or(NONE)
    }

    /// Lets a record decide a port, and gives back the one that did before.
    pub(super) fn decide(&mut self, port: u16, index: u32) -> u32 {
        std::mem::replace(&mut self.0[usize::from(port)], index)
    }

    /// Lays the records of a file on top of what is there.
    pub(super) fn lay(&mut self) -> Laying<'_> {
        self.0.resize(PORTS, NONE);
        Laying {
            plane: self,
            next: (0..=PORTS as u32).collect(),
        }
    }
}

/// The records of one file: of those, the first one that comes to a port decides it.
///
/// `next` is a forest in which every port that is decided points towards the next one that is not, so that a file full
/// of ranges over all ports is laid as fast as any.
pub(super) struct Laying<'plane> {
    plane: &'plane mut Plane,
    next: Vec<u32>,
}

impl Laying<'_> {
    /// Lets a record decide those of the ports that no earlier one has.
    pub(super) fn put(&mut self, ports: Ports, index: u32) {
        let mut port = self.undecided(usize::from(ports.first()));
        while port <= usize::from(ports.last()) {
            self.plane.0[port] = index;
            self.next[port] = port as u32 + 1;
            port = self.undecided(port);
        }
    }

    /// The first undecided port from `port` on; halves the way there for the next one who asks.
    fn undecided(&mut self, mut port: usize) -> usize {
        while self.next[port] as usize != port {
            let after = self.next[port] as usize;
            self.next[port] = self.next[after];
            port = after;
        }
        port
    }
}
