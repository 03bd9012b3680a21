//! The part of the file that is held in memory.

use std::{
    io::{ErrorKind, Read},
    ops::Range,
};

use super::{CaptureError, MAX_RECORD_BYTES};

/// Read in one piece; grown once, to [`MAX_RECORD_BYTES`], for a file with a longer record.
const WINDOW_BYTES: usize = 1 << 18;

/// The part of the file that is held in memory: bytes that were read and not yet taken.
pub(super) struct Window<R> {
    source: R,
    memory: Vec<u8>,
    /// Where the bytes lie in the memory that are not yet taken.
    held: Range<usize>,
    /// Offset in the file of the first of them.
    position: u64,
    is_exhausted: bool,
}

impl<R> Window<R> {
    /// The bytes that were read and not yet taken.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.held.clone()]
    }

    /// Offset in the file of the first byte that is not yet taken.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.memory.capacity()
    }

    /// Takes `length` of the bytes that are held, and says where they can be seen until more are read.
    pub(super) fn take(&mut self, length: usize) -> Range<usize> {
        let taken = self.held.start..self.held.start + length;
        debug_assert!(taken.end <= self.held.end, "only what is held can be taken");
        self.held.start = taken.end;
        self.position += length as u64;
        taken
    }

    /// Bytes that were taken.
    pub(super) fn taken(&self, taken: Range<usize>) -> &[u8] {
        &self.memory[taken]
    }
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            memory: vec![0; WINDOW_BYTES],
            held: 0..0,
            position: 0,
            is_exhausted: false,
        }
    }

    /// Whether there are `length` bytes, at most [`MAX_RECORD_BYTES`]; reads until there are, or the file ends.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    #[inline]
    pub(super) fn holds(&mut self, length: usize) -> Result<bool, CaptureError> {
        if self.held.len() >= length {
            return Ok(true);
        }
        self.read(length)
    }

    #[cold]
    fn read(&mut self, length: usize) -> Result<bool, CaptureError> {
        self.memory.copy_within(self.held.clone(), 0);
        self.held = 0..self.held.len();
        if length > self.memory.len() {
            debug_assert!(length <= MAX_RECORD_BYTES, "asked for {length} bytes");
            self.memory.resize(MAX_RECORD_BYTES, 0);
        }
        while self.held.len() < length && !self.is_exhausted {
            match self.source.read(&mut self.memory[self.held.end..]) {
                Ok(count) => {
                    self.is_exhausted = count == 0;
                    self.held.end += count;
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => {
                    let offset = self.position + self.held.len() as u64;
                    return Err(CaptureError::Unreadable { offset, why });
                }
            }
        }
        Ok(self.held.len() >= length)
    }

    /// Takes `length` bytes, however many they are, and gives back how many the file had.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn skip(&mut self, length: u64) -> Result<u64, CaptureError> {
        let mut left = length;
        while left > 0 && self.holds(1)? {
            let count = usize::try_from(left).map_or(self.held.len(), |n| n.min(self.held.len()));
            self.take(count);
            left -= count as u64;
        }
        Ok(length - left)
    }
}

impl<R> std::fmt::Debug for Window<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window")
            .field("position", &self.position)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}
