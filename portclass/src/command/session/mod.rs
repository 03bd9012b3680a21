//! Observing interfaces: from choosing them until the program is taken off again. What happens with the counts is the
//! command's.

mod ends;
mod points;
mod reload;

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use portclass::{
    account::{Account, Observed, ProgramRuns, Snapshot, Sort},
    dataplane::{
        Access, Dataplane, Interface, KernelLog, Lock, Maps, Pins, Settings, Timing, interfaces,
        probe::{InterfaceFacts, ProcessFacts},
    },
    doctor::{why_not_attached, without_perfmon},
    registry::Registry,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval_at},
};

pub use self::ends::Ends;
use self::{
    points::{attach, load, points},
    reload::{Origin, Reload},
};
use super::{
    Failure,
    detach::remove_leftovers,
    interfaces::{Choice, choose},
    load_registry,
    log_line::with_names,
    not_loaded,
    privilege::{keep, needed},
    stderr::say,
};
use crate::cli::{ObserveArgs, TagArg};

/// What a command asks of a session beside what the user asks for.
pub struct Wishes {
    /// The order of services.
    pub sort: Sort,
    /// Whether the kernel side tells of unlabelled frames on stderr.
    pub log_unlabelled: bool,
    /// Whether each interface is counted by itself, though the user has not asked for it.
    pub per_interface: bool,
    /// Whether the kernel times its programs.
    pub times_programs: bool,
    /// Whether the registry is to be had once its names are in the maps.
    pub keeps_registry: bool,
}

/// The program, attached, and the account of what it counts.
pub struct Session {
    dataplane: Dataplane,
    account: Account,
    /// Interfaces that are still there, as far as is known.
    observed: Vec<Interface>,
    reload: Reload,
    registry: Option<Registry>,
    log: Option<AsyncFd<KernelLog>>,
    looks: Interval,
    timing: Option<Timing>,
}

impl Session {
    /// Attaches to all interfaces that the user asks for. From the moment that something is attached, a signal is one of the
    /// `Ends`.
    pub fn start(args: &ObserveArgs, wishes: &Wishes) -> Result<(Self, Ends), Failure> {
        const LOOK_AT_INTERFACES: Duration = Duration::from_secs(2);
        // Without a terminal it is for the registry, and is answered once the run has attached.
        let hangup = || signal(SignalKind::hangup());
        let reload = (!has_terminal()).then(hangup).transpose()?;
        let marks = args.tags.contains(&TagArg::Mark);
        let Choice {
            interfaces,
            matched,
        } = choose(&args.interfaces)?;
        let settings = Settings {
            log_unlabelled: wishes.log_unlabelled,
            matching: args.label.matching.into(),
            decapsulate: args.label.decapsulate,
            tag_metadata: args.tags.contains(&TagArg::Metadata) && args.direction.has_ingress(),
            mark: marks.then_some(args.mark_mask),
            original_length: false,
        };
        let (mut dataplane, origin, mut registry) = open(args, settings)?;
        registry = registry.filter(|_| wishes.keeps_registry);
        let per_interface = args.per_interface || wishes.per_interface;
        let points = points(args, per_interface, &interfaces, &mut dataplane)?;
        let timing = wishes.times_programs.then(Timing::start).transpose()?;
        let log = match settings.log_unlabelled {
            true => Some(readable(dataplane.log({
                let interfaces = interfaces.clone();
                move |line| say(with_names(line, &interfaces))
            })?)?),
            false => None,
        };
        load(&mut dataplane, &interfaces, &points, marks)?;
        if dataplane.image(0).access() == Access::Copied {
            say(without_perfmon(&ProcessFacts::read()));
        }
        let leftovers = remove_leftovers();
        for line in leftovers.unsure.iter().chain(&leftovers.failures) {
            say(format_args!("warning: {line}"));
        }
        // From here on signals end the run in order. Before, all but that one end the process, and nothing is attached yet.
        let end = reload.is_none().then(hangup).transpose()?;
        let ends = Ends::new(end)?;
        let (mut attached, mut infos) = (Vec::new(), Vec::new());
        for interface in interfaces {
            match attach(&mut dataplane, &interface, &points, args) {
                Ok(info) => {
                    attached.push(interface);
                    infos.push(info);
                }
                Err(error) => {
                    let finding = why_not_attached(&error, &InterfaceFacts::read(&interface));
                    if error.is_everywhere() || !matched.contains(&interface.index) {
                        return Err(Failure::new(finding.to_string()));
                    }
                    dataplane.detach_from(&interface);
                    say(format_args!(
                        "warning: {finding}; going on without this interface"
                    ));
                }
            }
        }
        if attached.is_empty() {
            return Err(Failure::new(
                "no interface that matches can be observed, see the warnings; --iface names another one",
            ));
        }
        // Before any thread is started that would have them as well.
        let needed = needed(&dataplane, reload.is_some() && origin.is_files());
        if let Err(why) = keep(needed) {
            say(format_args!(
                "warning: cannot give up capabilities, and keeps them: {why}"
            ));
        }
        let observed = Observed {
            registry: dataplane.contents()?.into(),
            interfaces: infos,
            origins: points.iter().map(|point| point.origin).collect(),
            sort: wishes.sort,
            tunnels: settings.decapsulate,
            tags: settings.tag_metadata,
        };
        let mut session = Self {
            account: Account::new(observed, Instant::now()),
            dataplane,
            observed: attached,
            reload: Reload::new(origin, reload),
            registry,
            log,
            looks: every(LOOK_AT_INTERFACES),
            timing,
        };
        // What came while all was being attached is in the totals, and in no rate: it took nobody knows how long.
        let _baseline = session.interval();
        Ok((session, ends))
    }

    /// The registry that the session has begun with, once, where it is kept and labels do not come from pinned maps.
    pub fn take_registry(&mut self) -> Option<Registry> {
        self.registry.take()
    }

    /// Waits for the next thing that a session does whoever looks at it, and does it: writes what the kernel side tells,
    /// takes over a registry that was read again, follows interfaces. Nothing is lost when the wait is given up.
    pub async fn housekeeping(&mut self) {
        tokio::select! {
            () = flush(self.log.as_mut()) => {}
            registry = self.reload.registry() => self.take_over(registry),
            _ = self.looks.tick() => self.look_at_interfaces(),
        }
    }

    /// Follows interfaces that were renamed, and says which ones have gone. One that has moved to another network
    /// namespace is still counted, so the session goes on.
    fn look_at_interfaces(&mut self) {
        let Ok(present) = interfaces() else { return };
        self.observed.retain_mut(|observed| {
            let still = present.iter().find(|interface| interface.index == observed.index);
            let attached = still.filter(|&interface| self.dataplane.is_attached(interface));
            match (still, attached) {
                (_, Some(interface)) => {
                    if interface.name != observed.name {
                        observed.name.clone_from(&interface.name);
                        self.account.rename_interface(observed.index, &interface.name);
                    }
                    return true;
                }
                (None, None) => say(format_args!(
                    "warning: {} has gone from this network namespace",
                    observed.name
                )),
                (Some(_), None) => say(format_args!(
                    "warning: {}: somebody has detached portclass; not all is counted there any more",
                    observed.name
                )),
            }
            false
        });
    }

    /// Takes another registry over, or says why not.
    fn take_over(&mut self, registry: Result<Registry, String>) {
        say(match registry {
            Ok(registry) => reload::put(&registry, &mut self.dataplane),
            Err(why) => why,
        });
    }

    /// What was counted up to now, with the rates since the snapshot before.
    pub fn interval(&mut self) -> Snapshot {
        self.name_registry();
        let (dataplane, now) = (&self.dataplane, Instant::now());
        let counters = dataplane.counters();
        self.account
            .interval(counters, now, |slot| dataplane.service(slot))
    }

    /// What was counted in all.
    pub fn whole(&mut self) -> Snapshot {
        self.name_registry();
        let dataplane = &self.dataplane;
        let counters = dataplane.counters();
        self.account
            .whole(&counters, |slot| dataplane.service(slot))
    }

    /// What the programs cost, where that is measured.
    pub fn programs(&self) -> Vec<ProgramRuns> {
        if self.timing.is_none() {
            return Vec::new();
        }
        let programs = self.dataplane.timed_programs().into_iter();
        programs
            .map(|program| ProgramRuns {
                name: program.name.to_owned(),
                id: program.id,
                runs: program.runs,
                time: program.time,
            })
            .collect()
    }

    /// Others may have loaded another registry into the pinned maps.
    fn name_registry(&mut self) {
        if let Ok(contents) = self.dataplane.contents() {
            self.account.set_registry(contents.into());
        }
    }

    /// Takes the program off everywhere. What was counted stays.
    pub fn detach(&mut self) {
        self.dataplane.detach();
        if let Some(log) = &mut self.log {
            log.get_mut().flush();
        }
    }
}

/// Whether SIGHUP tells that the terminal has gone. To be asked before it has: then it is none any more.
fn has_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal()
}

/// The pinned maps where there are some and no other registry is asked for, private ones otherwise, with the registry that
/// is in them.
fn open(
    args: &ObserveArgs,
    settings: Settings,
) -> Result<(Dataplane, Origin, Option<Registry>), Failure> {
    if args.registry.is_default() {
        let pin_dir = &args.pins.pin_dir;
        let lock = Lock::shared(pin_dir);
        match lock.and_then(|lock| Ok((Pins::find(pin_dir)?, lock))) {
            Ok((Some(pins), _lock)) => {
                let dataplane =
                    Dataplane::open(Maps::Pinned(&pins), settings).map_err(not_loaded)?;
                say(format_args!(
                    "using the pinned registry in {}",
                    pins.directory().display()
                ));
                return Ok((dataplane, Origin::Pinned(pin_dir.clone()), None));
            }
            Ok((None, _)) => {}
            Err(error) => say(format_args!(
                "warning: not using the pinned registry: {error}"
            )),
        }
    }
    let sources = args.registry.clone().sources();
    let registry = load_registry(&sources)?;
    let entries = registry.entries().count();
    let mut dataplane = Dataplane::open(Maps::Private { entries }, settings).map_err(not_loaded)?;
    dataplane.fill(&registry)?;
    Ok((dataplane, Origin::of(sources), Some(registry)))
}

/// A tick every `period`, the first one in a `period`; late ones are left out.
pub fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

fn readable(log: KernelLog) -> Result<AsyncFd<KernelLog>, Failure> {
    // SAFETY: the log owns its descriptor, gives the same one out every time, and closes it when it is dropped.
    unsafe { AsyncFd::register_with_interest(log, Interest::READABLE) }.map_err(|error| {
        let (_log, why) = error.into_parts();
        Failure::new(format!("cannot wait for the kernel side's log: {why}"))
    })
}

/// Writes the lines of the kernel side's log, once there are some.
async fn flush(log: Option<&mut AsyncFd<KernelLog>>) {
    let Some(log) = log else {
        return std::future::pending().await;
    };
    if let Ok(mut ready) = log.readable_mut().await {
        ready.get_inner_mut().flush();
        ready.clear_ready();
    }
}
