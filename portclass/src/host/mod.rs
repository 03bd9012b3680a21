//! The kernel side's work without a kernel: the same parser, the same labels, the same counters. It takes no privilege,
//! and knows no system.

use portclass_common::{
    counter::{Counter, FIRST_SLOT, tunnel_counter_index},
    label::{Label, MAX_SLOTS, Service},
    labelling::{Answer, Labelling, Matching},
    memo::{MEMO_WORDS, memo_index, memo_place},
    packet::{Linear, Link, Start, parse},
    port::PortKey,
    settings::Contents,
    transport::Transport,
};
use thiserror::Error;

use crate::registry::{Registry, Slots};

/// The registry is larger than labels can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the registry needs {needed} slots; no more than {MAX_SLOTS} are possible")]
pub struct TooLarge {
    /// Slots that are needed.
    pub needed: u32,
}

/// How frames are labelled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Which port decides.
    pub matching: Matching,
    /// Whether tunnels are looked into.
    pub decapsulate: bool,
}

/// Labels and counts frames by a registry.
pub struct Host {
    answers: Answers,
    services: Vec<Service>,
    contents: Contents,
    counters: Vec<Counter>,
    settings: Settings,
}

impl Host {
    /// Takes over a registry. Its slots have the numbers that they get in new maps, so that counters of both can be
    /// added.
    ///
    /// # Errors
    ///
    /// The registry needs more slots than there can be.
    pub fn new(registry: &Registry, settings: Settings) -> Result<Self, TooLarge> {
        let slots = Slots::of(registry, 0, |_| None);
        let needed = slots.contents.slots;
        if needed > MAX_SLOTS {
            return Err(TooLarge { needed });
        }
        Ok(Self {
            answers: Answers::new(&slots.labels),
            services: slots.new_services,
            contents: slots.contents,
            counters: vec![Counter::default(); (FIRST_SLOT + needed) as usize],
            settings,
        })
    }

    /// Labels a frame by its first bytes and counts it as one of `original_length` bytes.
    #[inline]
    pub fn count(&mut self, link: Link, frame: &[u8], original_length: u64) {
        let Settings {
            matching,
            decapsulate,
        } = self.settings;
        let parsed = parse(Linear::new(frame), Start::of(link), decapsulate);
        let labelling = Labelling::of(parsed.outcome(), matching as u8, |transport, port| {
            self.answers.get(transport, port)
        });
        self.counters[labelling.counter() as usize].count(1, original_length);
        for position in parsed.tunnels.positions().into_iter().flatten() {
            self.counters[tunnel_counter_index(position) as usize].count(1, original_length);
        }
    }

    /// What was counted: reasons first, then slots.
    pub fn counters(&self) -> &[Counter] {
        &self.counters
    }

    /// What `slot` means.
    pub fn service(&self, slot: u32) -> Option<Service> {
        self.services.get(slot as usize).copied()
    }

    /// What it holds of the registry.
    pub const fn contents(&self) -> Contents {
        self.contents
    }
}

/// The answer for every port of every transport.
struct Answers(Vec<Answer>);

impl Answers {
    fn new(labels: &[(PortKey, Label)]) -> Self {
        let unlabelled = (0..MEMO_WORDS as u32).map(|index| {
            let (transport, port) = memo_place(index);
            Answer::of(None, transport, port)
        });
        let mut answers: Vec<Answer> = unlabelled.collect();
        for &(key, label) in labels {
            if let Some(transport) = key.transport() {
                let index = memo_index(transport, key.port());
                answers[index as usize] = Answer::of(Some(label), transport, key.port());
            }
        }
        Self(answers)
    }

    #[inline]
    fn get(&self, transport: Transport, port: u16) -> Answer {
        self.0[memo_index(transport, port) as usize]
    }
}

#[cfg(test)]
mod tests;
