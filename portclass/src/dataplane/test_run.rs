//! Frames from outside, run through the XDP programs one by one (`BPF_PROG_TEST_RUN`).

use std::{io, mem::offset_of};

use aya::programs::TestRunOptions;
use portclass_common::{
    counter::Counter, label::Service, labelling::Matching, packet::Link, settings::Contents,
};

use super::{Dataplane, DataplaneError, FillError, Maps, Role, Settings};
use crate::registry::Registry;

/// Bytes of the shortest frame that the kernel runs a program on (`bpf_test_init` in net/bpf/test_run.c): an Ethernet
/// header.
pub const SHORTEST_RUN: usize = 14;

/// Bytes that can be run of a frame.
///
/// A frame that is given no metadata, or eight bytes of it, has this much room in one page of 4 KiB, beside 256 bytes
/// before it and 320 behind; only the programs for several buffers could take more.
pub const LONGEST_RUN: usize = 3_520;

/// The metadata: a frame's original length.
const METADATA: usize = size_of::<u64>();

/// The context that a program is given, as the kernel's `struct xdp_md` has it; offsets are from the metadata on.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Context {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_ifindex: u32,
    rx_queue_index: u32,
    egress_ifindex: u32,
}

impl Context {
    fn of(data_end: usize) -> [u8; size_of::<Self>()] {
        let mut bytes = [0; size_of::<Self>()];
        let mut set = |at: usize, value: usize| {
            bytes[at..at + size_of::<u32>()].copy_from_slice(&(value as u32).to_ne_bytes());
        };
        set(offset_of!(Self, data), METADATA);
        set(offset_of!(Self, data_end), data_end);
        bytes
    }
}

/// The XDP programs, with private maps, and run on frames that somebody gives.
pub struct TestRuns {
    dataplane: Dataplane,
    /// The original length and a frame.
    given: Box<[u8; METADATA + LONGEST_RUN]>,
}

impl TestRuns {
    /// Puts a registry into new maps. A program is loaded when the first frame needs it.
    ///
    /// # Errors
    ///
    /// No privilege, no BPF in the kernel, or a registry that is too large.
    pub fn new(
        registry: &Registry,
        matching: Matching,
        decapsulate: bool,
    ) -> Result<Self, FillError> {
        let settings = Settings {
            matching,
            decapsulate,
            original_length: true,
            ..Settings::default()
        };
        let entries = registry.entries().count();
        let mut dataplane = Dataplane::open(Maps::Private { entries }, settings)?;
        dataplane.fill(registry)?;
        Ok(Self {
            dataplane,
            given: Box::new([0; METADATA + LONGEST_RUN]),
        })
    }

    /// Loads the program of that name, one of `portclass_common::names`, for the frames of its link.
    ///
    /// # Errors
    ///
    /// A kernel whose verifier rejects it.
    pub fn load_program(&mut self, name: &'static str) -> Result<(), DataplaneError> {
        self.dataplane.image(0).load_program(name)
    }

    /// Runs the program for this link on the first bytes of a frame, [`SHORTEST_RUN`] to [`LONGEST_RUN`], which counts
    /// it as one of `original_length` bytes. Says whether it could: before Linux 5.15 (kernel commit 47316f4a3053) the
    /// kernel refuses to be told a length other than that of the bytes.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn run(
        &mut self,
        link: Link,
        frame: &[u8],
        original_length: u64,
    ) -> Result<bool, DataplaneError> {
        let image = self.dataplane.image(0);
        image.load(Role::Ingress, link)?;
        let mut options = TestRunOptions::new();
        let end = METADATA + frame.len();
        let context = Context::of(end);
        let is_whole = original_length == frame.len() as u64;
        if is_whole {
            // The program sees that by itself.
            options.data_in = Some(frame);
        } else {
            self.given[..METADATA].copy_from_slice(&original_length.to_ne_bytes());
            self.given[METADATA..end].copy_from_slice(frame);
            options.data_in = Some(&self.given[..end]);
            options.ctx_in = Some(&context);
        }
        match image.run(Role::Ingress, link, options) {
            Ok(_pass) => Ok(true),
            Err(DataplaneError::System { why, .. })
                if !is_whole && why.kind() == io::ErrorKind::InvalidInput =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// What was counted: reasons first, then slots.
    pub fn counters(&mut self) -> Vec<Counter> {
        self.dataplane.image(0).counters()
    }

    /// What `slot` means.
    pub fn service(&self, slot: u32) -> Option<Service> {
        self.dataplane.service(slot)
    }

    /// What the maps hold.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn contents(&self) -> Result<Contents, DataplaneError> {
        self.dataplane.contents()
    }
}
