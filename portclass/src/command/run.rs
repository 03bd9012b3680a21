//! `portclass run`: attach, count, print, until something ends the run.

mod ends;
mod reload;

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use portclass::{
    account::{Account, Observed, Snapshot},
    dataplane::{
        Access, Dataplane, Interface, KernelLog, Lock, Maps, Pins, Settings, interfaces,
        probe::InterfaceFacts,
    },
    doctor::{why_not_attached, without_perfmon},
    registry::Registry,
    report::{Live, Reporter},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval_at},
};

use self::{
    ends::Ends,
    reload::{Origin, Reload},
};
use super::{
    Failure,
    detach::remove_leftovers,
    interfaces::{Choice, choose},
    load_registry,
    log_line::with_names,
    not_loaded,
    output::{Output, is_closed},
    points::{attach, load, points},
    privilege::{keep, needed},
    stderr::say,
    unless_closed,
};
use crate::cli::{RunArgs, TagArg};

pub fn run(args: RunArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(observe(args))
}

async fn observe(args: RunArgs) -> Result<(), Failure> {
    let marks = args.tags.contains(&TagArg::Mark);
    let Choice {
        interfaces,
        matched,
    } = choose(&args.interfaces)?;
    let settings = Settings {
        log_unlabelled: args.log_unlabelled,
        matching: args.label.matching.into(),
        decapsulate: args.label.decapsulate,
        tag_metadata: args.tags.contains(&TagArg::Metadata),
        mark: marks.then_some(args.mark_mask),
        original_length: false,
    };
    let in_place =
        io::stdout().is_terminal() && !(args.log_unlabelled && io::stderr().is_terminal());
    let (mut dataplane, origin) = open(&args, settings)?;
    let points = points(&args, &interfaces, &mut dataplane)?;
    let mut log = match settings.log_unlabelled {
        true => Some(readable(dataplane.log({
            let interfaces = interfaces.clone();
            move |line| say(with_names(line, &interfaces))
        })?)?),
        false => None,
    };
    load(&mut dataplane, &interfaces, &points, marks)?;
    if dataplane.image(0).access() == Access::Copied {
        say(without_perfmon());
    }
    let leftovers = remove_leftovers();
    for line in leftovers.unsure.iter().chain(&leftovers.failures) {
        say(format_args!("warning: {line}"));
    }
    // From here on a signal ends the run in order. Before, it ends the process, and nothing is attached yet.
    let hangup = signal(SignalKind::hangup())?;
    let (end, reload) = if has_terminal() {
        (Some(hangup), None)
    } else {
        (None, Some(hangup))
    };
    let mut ends = Ends::new(end)?;
    let (mut attached, mut infos) = (Vec::new(), Vec::new());
    for interface in interfaces {
        match attach(&mut dataplane, &interface, &points, &args) {
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
    keep(needed).map_err(|why| Failure::new(format!("cannot give up capabilities: {why}")))?;
    let live = in_place.then(Live::default);
    let report = args.report;
    let reporter = Reporter::new(report.format.into(), report.limit, live, io::stdout());
    let observed = Observed {
        registry: dataplane.contents()?.into(),
        interfaces: infos,
        origins: points.iter().map(|point| point.origin).collect(),
        sort: report.sort.into(),
        tunnels: settings.decapsulate,
        tags: settings.tag_metadata,
    };
    let mut run = Run {
        account: Account::new(observed, Instant::now()),
        dataplane,
        output: Output::start(reporter),
        observed: attached,
        reload: Reload::new(origin, reload),
    };
    ends.after(args.duration);
    let watched = run.watch(&mut log, &mut ends, args.interval).await;
    run.dataplane.detach();
    if let Some(log) = &mut log {
        log.get_mut().flush();
    }
    match watched {
        Ok(()) => run.report_whole(&mut ends).await,
        Err(error) => unless_closed(Err(error)),
    }
}

/// Whether SIGHUP tells that the terminal has gone. To be asked before it has: then it is none any more.
fn has_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal()
}

/// The pinned maps where there are some and no other registry is asked for, private ones otherwise.
fn open(args: &RunArgs, settings: Settings) -> Result<(Dataplane, Origin), Failure> {
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
                return Ok((dataplane, Origin::Pinned(pin_dir.clone())));
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
    Ok((dataplane, Origin::of(sources)))
}

/// What a run works with once it has attached.
struct Run {
    dataplane: Dataplane,
    account: Account,
    output: Output,
    /// Interfaces that are still there, as far as is known.
    observed: Vec<Interface>,
    reload: Reload,
}

impl Run {
    /// Reports every `period` until the run ends. An error is one of writing.
    async fn watch(
        &mut self,
        log: &mut Option<AsyncFd<KernelLog>>,
        ends: &mut Ends,
        period: Duration,
    ) -> io::Result<()> {
        const LOOK_AT_STDOUT: Duration = Duration::from_millis(500);
        const LOOK_AT_INTERFACES: Duration = Duration::from_secs(2);
        let mut ticks = every(period);
        let mut looks = every(LOOK_AT_STDOUT);
        let mut rounds = every(LOOK_AT_INTERFACES);
        loop {
            tokio::select! {
                () = ends.any() => return Ok(()),
                () = flush(log.as_mut()) => {}
                registry = self.reload.registry() => self.reload(registry),
                written = self.output.written() => written?,
                // Some formats write at the end alone, and only writing would tell.
                _ = looks.tick() => if is_closed(&io::stdout()) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                },
                _ = rounds.tick() => self.look_at_interfaces(),
                _ = ticks.tick() => if !self.output.is_busy() {
                    let snapshot = self.interval();
                    self.output.interval(snapshot);
                },
            }
        }
    }

    /// Follows interfaces that were renamed, and says which ones have gone. One that has moved to another network
    /// namespace is still counted, so the run goes on.
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
    fn reload(&mut self, registry: Result<Registry, String>) {
        say(match registry {
            Ok(registry) => reload::put(&registry, &mut self.dataplane),
            Err(why) => why,
        });
    }

    fn interval(&mut self) -> Snapshot {
        self.name_registry();
        let (dataplane, now) = (&self.dataplane, Instant::now());
        let counters = dataplane.counters();
        self.account
            .interval(counters, now, |slot| dataplane.service(slot))
    }

    /// Others may have loaded another registry into the pinned maps.
    fn name_registry(&mut self) {
        if let Ok(contents) = self.dataplane.contents() {
            self.account.set_registry(contents.into());
        }
    }

    /// The final report. Nothing is attached any more, so whoever reads may take their time, but not for ever.
    async fn report_whole(&mut self, ends: &mut Ends) -> Result<(), Failure> {
        const PATIENCE: Duration = Duration::from_secs(5);
        self.name_registry();
        let dataplane = &self.dataplane;
        let counters = dataplane.counters();
        let whole = self
            .account
            .whole(&counters, |slot| dataplane.service(slot));
        ends.after(Some(PATIENCE));
        tokio::select! {
            written = self.output.whole(whole) => unless_closed(written),
            () = ends.any() => Err(Failure::new(
                "nobody reads stdout, and the final report is lost; read it, or send it to a file",
            )),
        }
    }
}

/// A tick every `period`, the first one in a `period`; late ones are left out.
fn every(period: Duration) -> Interval {
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
