//! One reader per format: text in, records out.

pub(super) mod csv;
pub(super) mod html;
pub(super) mod services;
pub(super) mod short;
pub(super) mod text;
pub(super) mod xml;

/// What is read twice because a broken quote or tag had swallowed the records that follow, in sizes of the file at most: a
/// file in which it would be more is the work of somebody who wants to see how long that takes.
const MAX_REREAD: usize = 16;

/// How much may still be read twice, in bytes.
struct Patience(usize);

impl Patience {
    fn with(text: &str) -> Self {
        Self(text.len().saturating_mul(MAX_REREAD))
    }

    /// Whether reading may start again `from` an offset after it had come `to` another one.
    fn bears(&mut self, from: usize, to: usize) -> bool {
        let reread = to.saturating_sub(from);
        let bears = reread <= self.0;
        self.0 = self.0.saturating_sub(reread);
        bears
    }
}
