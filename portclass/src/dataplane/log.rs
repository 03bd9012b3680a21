//! The kernel side's debug log, as aya-log brings it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use aya::Ebpf;
use aya_log::EbpfLogger;

use super::DataplaneError;

/// Lines that the kernel side logs. Its descriptor is readable when there are some.
pub struct KernelLog(EbpfLogger<Writer>);

impl KernelLog {
    pub(super) fn new(ebpf: &mut Ebpf, write: Write) -> Result<Self, DataplaneError> {
        EbpfLogger::init_with_logger(ebpf, Writer(write))
            .map(Self)
            .map_err(|error| DataplaneError::map(portclass_common::names::LOG_RING, &error))
    }

    /// Writes the lines that have come in.
    pub fn flush(&mut self) {
        self.0.flush();
    }
}

impl AsFd for KernelLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for KernelLog {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Takes a line.
type Write = Box<dyn Fn(&str) + Send + Sync>;

struct Writer(Write);

impl log::Log for Writer {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        (self.0)(&record.args().to_string());
    }

    fn flush(&self) {}
}
