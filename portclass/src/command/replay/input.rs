//! Files and stdin as a stream of bytes.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    os::fd::AsFd as _,
    path::Path,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{super::Failure, ends::Ends};

/// A file, or stdin, that is read until the replay ends.
pub struct Input {
    file: File,
    ends: Ends,
}

impl Input {
    /// Opens the file at `path`, or stdin where that is `-`.
    pub fn open(path: &Path, ends: Ends) -> Result<Self, Failure> {
        let name = path.display();
        let unreadable = |why| Failure::new(format!("{name}: cannot read the capture: {why}"));
        let file = if path == Path::new("-") {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(Failure::new(format!(
                    "{name}: stdin is a terminal; name a file, or send a capture: tcpdump -w - | portclass replay -"
                )));
            }
            // Rust's own buffer before it would cost a copy.
            File::from(stdin.as_fd().try_clone_to_owned().map_err(unreadable)?)
        } else {
            File::open(path).map_err(unreadable)?
        };
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Failure::new(format!(
                "{name}: is a directory; name the captures in it"
            )));
        }
        Ok(Self { file, ends })
    }

    /// Bytes of a file, as far as it is known how many there will be.
    pub fn length(&self) -> Option<u64> {
        let metadata = self.file.metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    }
}

impl Read for Input {
    /// Waits for bytes, but not beyond the end of the replay.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const LOOK_AT_ENDS: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        loop {
            if self.ends.is_over() {
                return Err(io::Error::other("the replay is over"));
            }
            let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
            match poll(&mut fds, Some(&LOOK_AT_ENDS)) {
                Ok(0) => self.ends.look_at_stdout(),
                Err(rustix::io::Errno::INTR) => {}
                // Where it cannot be waited for, reading says why.
                Ok(_) | Err(_) => return self.file.read(buffer),
            }
        }
    }
}
