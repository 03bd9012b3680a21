//! Labelling: which of a flow's ports decides, and which counter the frame belongs to.

use crate::{
    counter::FIRST_SLOT,
    label::{Class, Label, MAX_SLOTS},
    packet::{Flow, Reason},
    port::{FIRST_DYNAMIC, FIRST_USER},
    transport::Transport,
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

/// What is said of a port of a transport, or of a frame without ports: the counter and the class of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer(u32);

impl Answer {
    /// Bits of an answer as a number.
    pub const BITS: u32 = Self::COUNTER_BITS + u8::BITS;
    const COUNTER_BITS: u32 = 17;

    /// What the registry says of `port` (host byte order) on `transport`, for which it has this label or none.
    #[inline(always)]
    pub const fn of(label: Option<Label>, transport: Transport, port: u16) -> Self {
        match label {
            Some(label) => Self::new(FIRST_SLOT + label.slot() as u32, label.class_code()),
            None if port >= FIRST_DYNAMIC => Self::unlabelled(Reason::Dynamic(transport)),
            None => Self::unlabelled(Reason::Unassigned(transport)),
        }
    }

    #[inline(always)]
    const fn unlabelled(reason: Reason) -> Self {
        Self::new(reason.counter_index(), reason.class() as u8)
    }

    #[inline(always)]
    const fn new(counter: u32, class: u8) -> Self {
        Self((class as u32) << Self::COUNTER_BITS | counter)
    }

    /// The position of the counter.
    #[inline(always)]
    pub const fn counter(self) -> u32 {
        self.0 & ((1 << Self::COUNTER_BITS) - 1)
    }

    /// The code of a [`Class`].
    #[inline(always)]
    pub const fn class_code(self) -> u8 {
        (self.0 >> Self::COUNTER_BITS) as u8
    }

    /// As a number, which says the same wherever it is.
    #[inline(always)]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The answer that is this number; bits beyond [`Answer::BITS`] are left out.
    #[inline(always)]
    pub const fn of_bits(bits: u32) -> Self {
        Self(bits & ((1 << Self::BITS) - 1))
    }
}

const _: () = assert!(FIRST_SLOT + MAX_SLOTS < 1 << Answer::COUNTER_BITS);

/// What a frame is counted under and tagged with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labelling {
    answer: Answer,
    /// Not a `u16`: two numbers stay apart in the kernel's registers, where the compiler would pack three into one and
    /// unpack them for every frame.
    port: u32,
}

impl Labelling {
    /// The position of its counter.
    #[inline(always)]
    pub const fn counter(self) -> u32 {
        self.answer.counter()
    }

    /// The code of its [`Class`].
    #[inline(always)]
    pub const fn class_code(self) -> u8 {
        self.answer.class_code()
    }

    /// The port that decided, in host byte order; 0 for a frame without ports.
    #[inline(always)]
    pub const fn port(self) -> u16 {
        self.port as u16
    }

    /// The labelling of a frame; `ask` gives the registry's answer, whose counter is there.
    #[inline(always)]
    pub fn of(
        outcome: Result<Flow, Reason>,
        matching: u8,
        ask: impl Fn(Transport, u16) -> Answer,
    ) -> Self {
        const SOURCE: u8 = Matching::Source as u8;
        const BEST: u8 = Matching::Best as u8;
        let flow = match outcome {
            Ok(flow) => flow,
            Err(reason) => {
                return Self {
                    answer: Answer::unlabelled(reason),
                    port: 0,
                };
            }
        };
        let by = |port| Self {
            answer: ask(flow.transport, port),
            port: u32::from(port),
        };
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
    use super::{Answer, Labelling, Matching};
    use crate::{
        counter::FIRST_SLOT,
        label::{Class, Label},
        packet::{Flow, Reason},
        transport::Transport,
    };

    /// Slot 0 is 80, slot 1 is 443, slot 2 is 8080, slot 3 is 50000, slot 4 is the reserved 1023.
    fn ask(transport: Transport, port: u16) -> Answer {
        let label = match port {
            80 => Some(Label::new(0, Class::Labelled)),
            443 => Some(Label::new(1, Class::Labelled)),
            8_080 => Some(Label::new(2, Class::Labelled)),
            50_000 => Some(Label::new(3, Class::Labelled)),
            1_023 => Some(Label::new(4, Class::Reserved)),
            _ => None,
        };
        Answer::of(label, transport, port)
    }

    fn labelled(source: u16, destination: u16, matching: Matching) -> Labelling {
        let outcome = Ok(Flow {
            protocol: 6,
            transport: Transport::Tcp,
            source,
            destination,
        });
        Labelling::of(outcome, matching as u8, ask)
    }

    #[test]
    fn one_port_alone_decides_when_it_is_asked_for() {
        assert_eq!(labelled(443, 80, Matching::Destination).port(), 80);
        assert_eq!(labelled(443, 80, Matching::Source).port(), 443);
        let unlabelled = labelled(443, 60_000, Matching::Destination);
        assert_eq!(unlabelled.class_code(), Class::Dynamic as u8);
        assert_eq!(
            unlabelled.counter(),
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
        assert_eq!(labelling.counter(), FIRST_SLOT + 2);
        assert!(labelling.is_labelled());
        assert!(!labelled(1, 1_023, Matching::Destination).is_labelled());
    }
}
