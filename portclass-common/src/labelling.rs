//! Labelling: which of a flow's ports decides, and which counter the frame belongs to.

use crate::{
    counter::FIRST_SLOT,
    label::{Class, Label},
    packet::{Flow, Reason},
    port::{FIRST_DYNAMIC, FIRST_USER, PortKey},
};

/// Which port of a flow its label comes from. The discriminants are the values of the load-time setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Matching {
    /// The destination port alone.
    #[default]
    Destination = 0,
    /// The source port alone.
    Source = 1,
    /// The port more likely to be the server's: registered before unregistered, then System before User before
    /// Dynamic, then destination before source.
    Best = 2,
}

/// What a frame is counted under and tagged with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labelling {
    /// The position of its counter.
    pub counter: u32,
    /// The class above the port. Two numbers stay apart in the kernel's registers, where the compiler would pack three
    /// into one and unpack them for every frame.
    decision: u32,
}

impl Labelling {
    #[inline(always)]
    const fn new(counter: u32, class: u8, port: u16) -> Self {
        Self {
            counter,
            decision: (class as u32) << 16 | port as u32,
        }
    }

    /// The code of its [`Class`].
    #[inline(always)]
    pub const fn class_code(self) -> u8 {
        (self.decision >> 16) as u8
    }

    /// The port that decided, in host byte order; 0 for a frame without ports.
    #[inline(always)]
    pub const fn port(self) -> u16 {
        self.decision as u16
    }

    /// The labelling of a frame; `lookup` asks the registry, and answers with labels whose slot has a counter.
    #[inline(always)]
    pub fn of(
        outcome: Result<Flow, Reason>,
        matching: u8,
        lookup: impl Fn(PortKey) -> Option<Label>,
    ) -> Self {
        const SOURCE: u8 = Matching::Source as u8;
        const BEST: u8 = Matching::Best as u8;
        let flow = match outcome {
            Ok(flow) => flow,
            Err(reason) => return Self::unlabelled(reason, 0),
        };
        let by = |port| Self::by_port(flow, port, &lookup);
        match matching {
            SOURCE => by(flow.source),
            BEST => {
                let destination = by(flow.destination);
                // Nothing ranks higher.
                if destination.is_labelled() && flow.destination < FIRST_USER {
                    return destination;
                }
                let source = by(flow.source);
                if source.rank() > destination.rank() {
                    source
                } else {
                    destination
                }
            }
            _ => by(flow.destination),
        }
    }

    #[inline(always)]
    fn by_port(flow: Flow, port: u16, lookup: impl Fn(PortKey) -> Option<Label>) -> Self {
        if let Some(label) = lookup(PortKey::new(port, flow.transport)) {
            let counter = FIRST_SLOT + u32::from(label.slot());
            return Self::new(counter, label.class_code(), port);
        }
        let reason = if port >= FIRST_DYNAMIC {
            Reason::Dynamic(flow.transport)
        } else {
            Reason::Unassigned(flow.transport)
        };
        Self::unlabelled(reason, port)
    }

    #[inline(always)]
    const fn unlabelled(reason: Reason, port: u16) -> Self {
        Self::new(reason.counter_index(), reason.class() as u8, port)
    }

    /// Whether the frame carries a service's name.
    #[inline(always)]
    pub const fn is_labelled(self) -> bool {
        self.class_code() == Class::Labelled as u8
    }

    /// Grows with the likelihood that the port is a server's.
    #[inline(always)]
    const fn rank(self) -> u8 {
        let range = match self.port() {
            ..FIRST_USER => 2,
            FIRST_USER..FIRST_DYNAMIC => 1,
            FIRST_DYNAMIC.. => 0,
        };
        if self.is_labelled() { range + 3 } else { range }
    }
}

#[cfg(test)]
mod tests {
    use super::{Labelling, Matching};
    use crate::{
        counter::FIRST_SLOT,
        label::{Class, Label},
        packet::{Flow, Reason},
        port::PortKey,
        transport::Transport,
    };

    /// Slot 0 is 80, slot 1 is 443, slot 2 is 8080, slot 3 is 50000, slot 4 is the reserved 1023.
    fn lookup(key: PortKey) -> Option<Label> {
        match key.port() {
            80 => Some(Label::new(0, Class::Labelled)),
            443 => Some(Label::new(1, Class::Labelled)),
            8_080 => Some(Label::new(2, Class::Labelled)),
            50_000 => Some(Label::new(3, Class::Labelled)),
            1_023 => Some(Label::new(4, Class::Reserved)),
            _ => None,
        }
    }

    fn labelled(source: u16, destination: u16, matching: Matching) -> Labelling {
        let outcome = Ok(Flow {
            protocol: 6,
            transport: Transport::Tcp,
            source,
            destination,
        });
        Labelling::of(outcome, matching as u8, lookup)
    }

    #[test]
    fn one_port_alone_decides_when_it_is_asked_for() {
        assert_eq!(labelled(443, 80, Matching::Destination).port(), 80);
        assert_eq!(labelled(443, 80, Matching::Source).port(), 443);
        let unlabelled = labelled(443, 60_000, Matching::Destination);
        assert_eq!(unlabelled.class_code(), Class::Dynamic as u8);
        assert_eq!(
            unlabelled.counter,
            Reason::Dynamic(Transport::Tcp).counter_index()
        );
        let unlabelled = labelled(2, 443, Matching::Source);
        assert_eq!(unlabelled.class_code(), Class::Unassigned as u8);
    }

    #[test]
    fn the_best_port_is_the_likelier_servers() {
        for (source, destination, best) in [
            // Registered before unregistered.
            (443, 50_123, 443),
            (50_123, 443, 443),
            (50_000, 1, 50_000),
            (8_080, 1_023, 8_080),
            // System before User before Dynamic, among registered ports and among the others.
            (443, 8_080, 443),
            (8_080, 443, 443),
            (8_080, 50_000, 8_080),
            (5, 40_000, 5),
            (40_000, 60_000, 40_000),
            (60_000, 40_000, 40_000),
            // Destination before source.
            (443, 80, 80),
            (80, 443, 443),
            (7, 5, 5),
            (60_000, 60_001, 60_001),
        ] {
            assert_eq!(
                labelled(source, destination, Matching::Best).port(),
                best,
                "{source} -> {destination}"
            );
        }
    }

    #[test]
    fn a_label_leads_to_the_counter_of_its_slot() {
        let labelling = labelled(1, 8_080, Matching::Destination);
        assert_eq!(labelling.counter, FIRST_SLOT + 2);
        assert!(labelling.is_labelled());
        assert!(!labelled(1, 1_023, Matching::Destination).is_labelled());
    }
}
