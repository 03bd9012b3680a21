//! The memo of the registry's answers: a word for every port of every transport, which is good for one generation of the
//! registry.

use crate::{labelling::Answer, transport::Transport};

/// Words of the memo.
pub const MEMO_WORDS: usize = Transport::ALL.len() << PORT_BITS;

const PORT_BITS: u32 = u16::BITS;

// What is more than an index is masked off.
const _: () = assert!(MEMO_WORDS.is_power_of_two() && Transport::ALL.len() == 4);

/// Where the word of `port` (host byte order) on `transport` stands.
#[inline(always)]
pub const fn memo_index(transport: Transport, port: u16) -> u32 {
    transport.index() << PORT_BITS | port as u32
}

/// The transport and port whose word stands at `index`, of which only the bits that an index has are looked at.
#[inline(always)]
pub const fn memo_place(index: u32) -> (Transport, u16) {
    let transport = match index >> PORT_BITS & 3 {
        0 => Transport::Tcp,
        1 => Transport::Udp,
        2 => Transport::Dccp,
        _ => Transport::Sctp,
    };
    (transport, index as u16)
}

/// An answer and the generation that it is of, as a number that is written and read in one piece
/// on 64-bit kernels. 0 remembers
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Word(u64);

impl Word {
    /// The word that remembers `answer`.
    #[inline(always)]
    pub const fn new(generation: u32, answer: Answer) -> Self {
        Self(Self::mark(generation) << Answer::BITS | answer.bits() as u64)
    }

    /// The answer, if it is of this generation.
    #[inline(always)]
    pub const fn answer(self, generation: u32) -> Option<Answer> {
        if self.0 >> Answer::BITS == Self::mark(generation) {
            Some(Answer::of_bits(self.0 as u32))
        } else {
            None
        }
    }

    /// A generation has 32 bits; what stands for it in a word has one more, so that no generation's is 0.
    #[inline(always)]
    const fn mark(generation: u32) -> u64 {
        generation as u64 + 1
    }
}

const _: () = assert!(Answer::BITS + 33 <= u64::BITS);

#[cfg(test)]
mod tests {
    use super::{MEMO_WORDS, Word, memo_index, memo_place};
    use crate::{
        label::{Class, Label, MAX_SLOTS},
        labelling::Answer,
        transport::Transport,
    };

    #[test]
    fn every_port_of_every_transport_has_a_word_of_its_own() {
        let mut words = [false; MEMO_WORDS];
        for transport in Transport::ALL {
            for port in 0..=u16::MAX {
                let index = memo_index(transport, port);
                assert_eq!(memo_place(index), (transport, port));
                assert!(!core::mem::replace(&mut words[index as usize], true));
            }
        }
    }

    #[test]
    fn a_word_answers_for_its_own_generation_alone() {
        let last = Answer::of(
            Some(Label::new((MAX_SLOTS - 1) as u16, Class::Withdrawn)),
            Transport::Sctp,
            u16::MAX,
        );
        let miss = Answer::of(None, Transport::Tcp, 0);
        let generations = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        for answer in [last, miss] {
            for generation in generations {
                let word = Word::new(generation, answer);
                for asked in generations {
                    let expected = (asked == generation).then_some(answer);
                    assert_eq!(word.answer(asked), expected, "{generation} {asked}");
                }
            }
        }
    }

    #[test]
    fn a_memo_that_is_new_answers_for_no_generation() {
        for generation in [0, 1, u32::MAX] {
            assert_eq!(Word::default().answer(generation), None);
        }
    }
}
