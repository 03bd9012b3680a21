//! What labels and counts the frames of a replay.

use portclass::{
    account::Frames,
    capture::Frame,
    dataplane::{DataplaneError, FillError, LONGEST_RUN, SHORTEST_RUN, TestRuns},
    host::{Host, Settings},
    registry::Registry,
};
use portclass_common::{counter::Counter, label::Service, settings::Contents};

use super::super::Failure;
use crate::cli::{EngineArg, LabelArgs};

/// The kernel's program and the host's parser, or that alone.
pub struct Engine {
    kernel: Option<TestRuns>,
    host: Host,
    frames: Frames,
}

impl Engine {
    pub fn new(which: EngineArg, registry: &Registry, label: LabelArgs) -> Result<Self, Failure> {
        let LabelArgs {
            matching,
            decapsulate,
        } = label;
        let kernel = match which {
            EngineArg::Kernel => {
                let runs = TestRuns::new(registry, matching.into(), decapsulate);
                Some(runs.map_err(|error| match error {
                    FillError::Kernel(error) => refused(&error),
                    error @ FillError::TooLarge { .. } => error.into(),
                })?)
            }
            EngineArg::Host => None,
        };
        let settings = Settings {
            matching: matching.into(),
            decapsulate,
        };
        Ok(Self {
            kernel,
            host: Host::new(registry, settings)?,
            frames: Frames::default(),
        })
    }

    /// Labels and counts a frame. Both ways see no more of it than the kernel takes, so that they never differ.
    pub fn count(&mut self, frame: Frame<'_>) -> Result<(), Failure> {
        let Frame {
            bytes,
            link,
            original_length,
        } = frame;
        let bytes = &bytes[..bytes.len().min(LONGEST_RUN)];
        let has_run = match &mut self.kernel {
            Some(kernel) if bytes.len() >= SHORTEST_RUN => kernel
                .run(link, bytes, original_length)
                .map_err(|error| refused(&error))?,
            _ => false,
        };
        if has_run {
            self.frames.kernel += 1;
        } else {
            self.host.count(link, bytes, original_length);
            self.frames.host += 1;
        }
        Ok(())
    }

    /// Frames so far, by where they were labelled.
    pub const fn frames(&self) -> Frames {
        self.frames
    }

    /// What was counted: reasons first, then slots.
    pub fn counters(&mut self) -> Vec<Counter> {
        let host = self.host.counters();
        let mut sums = match &mut self.kernel {
            // Its slots have the same numbers, and there is room for more of them.
            Some(kernel) => kernel.counters(),
            None => vec![Counter::default(); host.len()],
        };
        for (sum, counter) in sums.iter_mut().zip(host) {
            *sum = sum.plus(*counter);
        }
        sums
    }

    /// What `slot` means.
    pub fn service(&self, slot: u32) -> Option<Service> {
        self.host.service(slot)
    }

    /// What is known of the registry.
    pub const fn contents(&self) -> Contents {
        self.host.contents()
    }
}

fn refused(error: &DataplaneError) -> Failure {
    Failure::new(format!(
        "{error}; or label outside the kernel: --engine host"
    ))
}
