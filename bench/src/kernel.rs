//! Programs in the kernel, run again and again on one frame (`BPF_PROG_TEST_RUN`).

use anyhow::{Context as _, Result, bail};
use aya::{
    Ebpf, include_bytes_aligned,
    maps::Array,
    programs::{Program, ProgramInfo, TestRun as _, TestRunOptions},
};
use portclass::{
    dataplane::{Dataplane, Maps, Settings},
    registry::Registry,
};

use crate::{measure::Variant, mix::Mix};

/// The shipped program beside the ones that measure it.
pub static MEMO: &[u8] =
    include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/bpf/memo.bpf.o"));
/// The same, but that every look-up asks the hash map.
pub static PLAIN: &[u8] =
    include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/bpf/plain.bpf.o"));

/// Programs of the two objects that only they have.
pub mod name {
    /// Does nothing.
    pub const EMPTY: &str = "empty";
    /// Does nothing, with frames in several buffers.
    pub const EMPTY_FRAGS: &str = "empty_frags";
    /// Does nothing, in tc.
    pub const EMPTY_TC: &str = "empty_tc";
    /// Observes a mix.
    pub const MIXED: &str = "mixed";
    /// Takes what comes next in a mix, and does nothing with it.
    pub const EMPTY_MIXED: &str = "empty_mixed";
    /// Observes a mix without a look-up.
    pub const NO_LOOKUP_MIXED: &str = "no_lookup_mixed";
    /// Observes and tags, and takes the tag away.
    pub const TAGGED: &str = "tagged";
    /// Takes no tag away, in as many calls.
    pub const EMPTY_TAGGED: &str = "empty_tagged";
    /// All of them.
    #[cfg(test)]
    pub const ALL: [&str; 8] = [
        EMPTY,
        EMPTY_FRAGS,
        EMPTY_TC,
        MIXED,
        EMPTY_MIXED,
        NO_LOOKUP_MIXED,
        TAGGED,
        EMPTY_TAGGED,
    ];
}

/// The map that holds a mix.
const MIX: &str = "mix";

/// The programs of one object that are loaded, in one image or several.
pub struct Programs {
    dataplane: Dataplane,
    images: usize,
}

impl Programs {
    /// Puts the registry into maps of its own, and loads the programs of these names.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn load(
        object: &'static [u8],
        settings: Settings,
        registry: &Registry,
        names: &[&str],
    ) -> Result<Self> {
        let entries = registry.entries().count();
        let mut dataplane = Dataplane::open_object(object, Maps::Private { entries }, settings)?;
        dataplane.fill(registry)?;
        let mut programs = Self {
            dataplane,
            images: 1,
        };
        programs.load_image(0, names)?;
        Ok(programs)
    }

    /// Loads them once more, with counters of their own.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn add_image(&mut self, names: &[&str]) -> Result<()> {
        self.dataplane.add_images(1)?;
        self.images += 1;
        self.load_image(self.images - 1, names)
    }

    fn load_image(&mut self, image: usize, names: &[&str]) -> Result<()> {
        let ebpf = self.dataplane.ebpf_mut(image);
        for name in names {
            let loaded = match ebpf.program_mut(name) {
                Some(Program::Xdp(program)) => program.load(),
                Some(Program::SchedClassifier(program)) => program.load(),
                _ => bail!("no program {name}"),
            };
            loaded.with_context(|| format!("cannot load {name}"))?;
        }
        Ok(())
    }

    /// Gives every image the mix.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn set_mix(&mut self, mix: &Mix) -> Result<()> {
        for image in 0..self.images {
            let map = self.dataplane.ebpf_mut(image).map_mut(MIX);
            let mut map: Array<_, u32> = Array::try_from(map.context("no mix")?)?;
            for (index, &entry) in (0..).zip(mix.entries()) {
                map.set(index, entry, 0)?;
            }
        }
        Ok(())
    }

    /// An image, which threads may share.
    pub fn image(&self, image: usize) -> &Ebpf {
        self.dataplane.ebpf(image)
    }

    /// The program of that name and that frame, to be measured.
    pub fn variant<'a>(&'a self, name: &'a str, frame: &'a [u8]) -> Variant<'a> {
        Box::new(move |runs| run(self.image(0), name, frame, runs))
    }

    /// What the kernel says of a program.
    ///
    /// # Errors
    ///
    /// That it says nothing.
    pub fn info(&self, name: &str) -> Result<ProgramInfo> {
        Ok(match self.image(0).program(name) {
            Some(Program::Xdp(program)) => program.info()?,
            Some(Program::SchedClassifier(program)) => program.info()?,
            _ => bail!("no program {name}"),
        })
    }

    /// Frames that every slot has counted, in the first image.
    #[cfg(test)]
    pub fn counted(&mut self) -> Vec<u64> {
        let counters = self.dataplane.image(0).counters();
        counters
            .into_iter()
            .map(|counter| counter.packets())
            .collect()
    }
}

/// Runs a program of an image that often, each time on what the last run has left of the frame.
///
/// # Errors
///
/// What the kernel says.
pub fn run(image: &Ebpf, name: &str, frame: &[u8], runs: u32) -> Result<()> {
    let options = TestRunOptions {
        data_in: Some(frame),
        repeat: runs,
        ..TestRunOptions::new()
    };
    let result = match image.program(name) {
        Some(Program::Xdp(program)) => program.test_run(options),
        Some(Program::SchedClassifier(program)) => program.test_run(options),
        _ => bail!("no program {name}"),
    };
    result.with_context(|| format!("cannot run {name} on {} bytes", frame.len()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use portclass::{
        dataplane::Settings,
        registry::{Format, Registry},
    };
    use portclass_common::counter::FIRST_SLOT;
    use testbed::privilege::is_root_or_skips;

    use super::{MEMO, PLAIN, Programs, name, run};
    use crate::{frames, mix::Mix};

    #[test]
    fn the_kernel_accepts_and_runs_every_program() {
        if !is_root_or_skips("the_kernel_accepts_and_runs_every_program") {
            return;
        }
        let frame = frames::hot();
        for object in [MEMO, PLAIN] {
            let registry = Registry::empty();
            let programs = Programs::load(object, Settings::default(), &registry, &name::ALL);
            let programs = programs.expect("programs");
            for program in name::ALL {
                run(programs.image(0), program, &frame, 3).expect("a run");
            }
        }
    }

    #[test]
    fn a_mix_is_what_the_program_sees() {
        if !is_root_or_skips("a_mix_is_what_the_program_sees") {
            return;
        }
        let (registry, _) = Registry::of_bytes(
            "three",
            b"a,1,tcp\nb,2,udp\nc,3,sctp\n",
            Some(Format::Short),
        )
        .expect("a registry");
        let mix = Mix::uniform(&registry);
        for object in [MEMO, PLAIN] {
            let programs = [name::MIXED];
            let mut programs = Programs::load(object, Settings::default(), &registry, &programs)
                .expect("a program");
            programs.set_mix(&mix).expect("a mix");
            // From the third entry on, to the second one.
            let frame = mix.frame_at(2);
            run(programs.image(0), name::MIXED, &frame, 1 << 16).expect("runs");
            let counted = programs.counted();
            let slots = &counted[FIRST_SLOT as usize..][..3];
            assert_eq!(slots.iter().sum::<u64>(), 1 << 16, "{slots:?}");
            assert!(
                slots.iter().all(|&slot| slot.abs_diff(21_845) <= 1),
                "{slots:?}"
            );
        }
    }
}
