//! All programs with certain settings, and what the host makes of a frame: the same parser, the same labelling, the same
//! registry.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use aya::programs::TestRunOptions;
use portclass::{
    dataplane::{Dataplane, Image, Maps, Role, Settings},
    registry::{Registry, Sources},
};
use portclass_common::{
    counter::{Counter, TAGGED},
    label::Label,
    labelling::{Answer, Labelling},
    names,
    packet::{Linear, Link, Parsed, Start, parse},
    port::PortKey,
    tag::{Tag, mark_of},
};
use testbed::{kernel::Feature, test_run::SkBuff};

const XDP_PASS: u32 = 2;
const TC_ACT_UNSPEC: u32 = u32::MAX;

/// A mark that packets have before, in all bits.
pub(crate) const MARK_BEFORE: u32 = 0xa5a5_a5a5;

/// The kernel runs no shorter frames (`bpf_test_init`).
const SHORTEST: usize = 14;
/// A test run's page, less what lies before and behind the frame, holds no more.
const LONGEST_LINEAR: usize = 3_500;

/// A program: its name, image, role, and what its frames begin with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    image: usize,
    pub(crate) role: Role,
    pub(crate) link: Link,
}

/// All programs. An image has one of each role and link.
const PROGRAMS: [Program; names::PROGRAMS.len()] = {
    const fn program(name: &'static str, image: usize, role: Role, link: Link) -> Program {
        Program {
            name,
            image,
            role,
            link,
        }
    }
    [
        program(names::XDP_FRAGS, 0, Role::Ingress, Link::Ethernet),
        program(names::XDP, 1, Role::Ingress, Link::Ethernet),
        program(names::XDP_IP_FRAGS, 0, Role::Ingress, Link::Ip),
        program(names::XDP_IP, 1, Role::Ingress, Link::Ip),
        program(names::EGRESS, 0, Role::Egress, Link::Ethernet),
        program(names::EGRESS_IP, 0, Role::Egress, Link::Ip),
        program(names::MARK, 0, Role::Mark, Link::Ethernet),
        program(names::MARK_IP, 0, Role::Mark, Link::Ip),
        program(names::XDP_FRAGS_COPIED, 2, Role::Ingress, Link::Ethernet),
        program(names::XDP_COPIED, 3, Role::Ingress, Link::Ethernet),
        program(names::XDP_IP_FRAGS_COPIED, 2, Role::Ingress, Link::Ip),
        program(names::XDP_IP_COPIED, 3, Role::Ingress, Link::Ip),
        program(names::EGRESS_COPIED, 2, Role::Egress, Link::Ethernet),
        program(names::EGRESS_IP_COPIED, 2, Role::Egress, Link::Ip),
        program(names::MARK_COPIED, 2, Role::Mark, Link::Ethernet),
        program(names::MARK_IP_COPIED, 2, Role::Mark, Link::Ip),
    ]
};

/// The programs that this kernel can load.
pub(crate) fn programs(test: &str) -> Vec<Program> {
    // What copies from all buffers came with them (`bpf_xdp_load_bytes`).
    let newer = format!("{test}, programs with frags or copies");
    let has_all = Feature::MultiBuffer.is_there_or_skips(&newer);
    let loads = |program: &Program| has_all || !program.takes_frags() && !program.copies_at_xdp();
    PROGRAMS.into_iter().filter(loads).collect()
}

impl Program {
    /// The one of that name.
    pub(crate) fn of_name(name: &str) -> Self {
        let found = PROGRAMS.into_iter().find(|program| program.name == name);
        found.expect("one of the names")
    }

    fn takes_frags(self) -> bool {
        matches!(
            self.name,
            names::XDP_FRAGS
                | names::XDP_IP_FRAGS
                | names::XDP_FRAGS_COPIED
                | names::XDP_IP_FRAGS_COPIED
        )
    }

    fn copies_at_xdp(self) -> bool {
        matches!(self.name, names::XDP_COPIED | names::XDP_IP_COPIED) || self.takes_frags()
    }

    /// Whether it reads frames out of copies.
    pub(crate) fn copies(self) -> bool {
        self.image >= 2
    }

    /// Whether a test run takes the frame.
    pub(crate) fn takes(self, frame: &[u8]) -> bool {
        if !self.takes_frags() && frame.len() > LONGEST_LINEAR {
            return false;
        }
        // At tc it looks at the Ethernet header, and for a payload as long as the IP header that is told there.
        let payload = match frame.get(12..14) {
            _ if self.role == Role::Ingress => 0,
            Some([0x08, 0x00]) => 20,
            Some([0x86, 0xdd]) => 40,
            _ => 1,
        };
        frame.len() >= SHORTEST + payload
    }
}

/// A frame, and a few words about it.
pub(crate) struct Case {
    pub(crate) what: String,
    pub(crate) frame: Vec<u8>,
}

impl Case {
    pub(crate) fn new(what: impl Into<String>, frame: Vec<u8>) -> Self {
        Self {
            what: what.into(),
            frame,
        }
    }
}

/// Counters that changed, and by how much.
pub(crate) type Changed = BTreeMap<u32, Counter>;

/// The shipped registry, which takes a while to read.
static REGISTRY: LazyLock<Registry> =
    LazyLock::new(|| Registry::load(&Sources::default()).expect("the registry").0);

/// The programs, with the shipped registry.
pub(crate) struct Kernel {
    dataplane: Dataplane,
    settings: Settings,
    /// Whether a test run gives metadata back.
    shows_metadata: bool,
    labels: HashMap<PortKey, Label>,
    loaded: Vec<&'static str>,
}

impl Kernel {
    pub(crate) fn new(settings: Settings) -> Self {
        let entries = REGISTRY.entries().count();
        let mut dataplane = Dataplane::open(Maps::Private { entries }, settings).expect("the maps");
        dataplane.add_images(3).expect("more images");
        let changes = dataplane.fill(&REGISTRY).expect("room for the registry");
        let label = |slot: u16| {
            let service = dataplane.service(u32::from(slot)).expect("a slot in use");
            let class = service.class().expect("a class");
            (service.key().expect("a key"), Label::new(slot, class))
        };
        let slots = u16::try_from(changes.contents.slots).expect("a slot's number");
        Self {
            labels: (0..slots).map(label).collect(),
            settings,
            shows_metadata: Feature::XdpContext.is_there(),
            dataplane,
            loaded: Vec::new(),
        }
    }

    /// The program's image, with the program loaded.
    pub(crate) fn image(&mut self, program: Program) -> &mut Image {
        let image = self.dataplane.image(program.image);
        if !self.loaded.contains(&program.name) {
            let loaded = image.load_program(program.name);
            loaded.unwrap_or_else(|error| panic!("{program:?}, {:?}: {error}", self.settings));
            self.loaded.push(program.name);
        }
        image
    }

    /// What the host's parser makes of the frame.
    pub(crate) fn parsed(&self, program: Program, frame: &[u8]) -> Parsed {
        let start = Start::of(program.link);
        parse(Linear::new(frame), start, self.settings.decapsulate)
    }

    /// What the host labels the frame with.
    pub(crate) fn labelling(&self, parsed: &Parsed) -> Labelling {
        let matching = self.settings.matching as u8;
        Labelling::of(parsed.outcome(), matching, |transport, port| {
            let label = self.labels.get(&PortKey::new(port, transport));
            Answer::of(label.copied(), transport, port)
        })
    }

    /// Runs the program on the frame. The verdict is always the same, the frame stays as it is, and its tag or mark is
    /// the one that the host gives. What should be counted is added to `expected`.
    fn run(&mut self, program: Program, case: &Case, expected: &mut Changed) {
        let frame = &case.frame;
        let parsed = self.parsed(program, frame);
        let labelling = self.labelling(&parsed);
        let size = Counter::new(1, frame.len() as u64);
        let mut expect = |index: u32| {
            let counter = expected.entry(index).or_default();
            *counter = counter.plus(size);
        };
        let is_tagged = self.settings.tag_metadata && program.role == Role::Ingress;
        if program.role != Role::Mark {
            expect(labelling.counter());
            let tunnels = parsed.tunnels.iter();
            tunnels.for_each(|tunnel| expect(tunnel.counter_index()));
            if is_tagged {
                expect(TAGGED);
            }
        }

        let shows_tag = is_tagged && self.shows_metadata;
        let mut after = vec![0xee; frame.len() + if shows_tag { size_of::<Tag>() } else { 0 }];
        let mut context = [0; SkBuff::SIZE];
        let sk_buff = SkBuff::new(frame.len() as u32).marked(MARK_BEFORE);
        let sk_buff = sk_buff.to_bytes();
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut after);
        if program.role != Role::Ingress {
            options.ctx_in = Some(&sk_buff);
            options.ctx_out = Some(&mut context);
        }
        let image = self.image(program);
        let result = image.run(program.role, program.link, options);
        let result = result.unwrap_or_else(|error| panic!("{program:?}, {}: {error}", case.what));
        let what = || format!("{program:?}, {}: {frame:02x?}", case.what);

        assert_eq!(result.data_size_out as usize, after.len(), "{}", what());
        assert!(after.ends_with(frame), "{}", what());
        if program.role == Role::Ingress {
            assert_eq!(result.return_value, XDP_PASS, "{}", what());
            if shows_tag {
                let tag = *after.first_chunk().expect("a tag before the frame");
                let expected = Tag::new(parsed.outcome(), labelling);
                assert_eq!(Tag::from_bytes(tag), expected, "{}", what());
            }
        } else {
            assert_eq!(result.return_value, TC_ACT_UNSPEC, "{}", what());
            let expected = self.settings.mark.map_or(MARK_BEFORE, |mask| {
                let placed = mask.place(mark_of(parsed.outcome(), labelling));
                MARK_BEFORE & !mask.bits() | placed
            });
            let mark = SkBuff::from_bytes(&context).mark();
            assert_eq!(mark, expected, "{}", what());
        }
    }

    /// What the program counts while `run` runs.
    pub(crate) fn counted(&mut self, program: Program, run: impl FnOnce(&mut Self)) -> Changed {
        let before = self.image(program).counters();
        run(self);
        let now = self.image(program).counters();
        let changes = now
            .iter()
            .zip(&before)
            .map(|(now, before)| now.since(*before));
        let changed = |(_, change): &(u32, Counter)| *change != Counter::default();
        (0..).zip(changes).filter(changed).collect()
    }

    fn agrees_on(&mut self, program: Program, cases: &[Case]) -> Result<(), String> {
        let mut expected = Changed::new();
        let counted = self.counted(program, |kernel| {
            for case in cases {
                kernel.run(program, case, &mut expected);
            }
        });
        if counted == expected {
            return Ok(());
        }
        Err(format!("{counted:?} instead of {expected:?}"))
    }

    /// Runs the program on every frame of a length that it takes, compares all it does with what the host says, and
    /// gives the number of frames. Reading all counters takes a thousand times as long as a frame, so they are read
    /// for many frames at once, and again for each where they are not as they should be.
    pub(crate) fn assert_agrees(&mut self, program: Program, cases: Vec<Case>) -> usize {
        let taken = |case: &Case| program.takes(&case.frame);
        let cases: Vec<Case> = cases.into_iter().filter(taken).collect();
        for batch in cases.chunks(4_096) {
            let Err(difference) = self.agrees_on(program, batch) else {
                continue;
            };
            for case in batch {
                let Case { what, frame } = case;
                if let Err(difference) = self.agrees_on(program, std::slice::from_ref(case)) {
                    panic!("{program:?}, {what}: {difference}: {frame:02x?}");
                }
            }
            panic!("{program:?}, {} frames together: {difference}", batch.len());
        }
        cases.len()
    }
}
