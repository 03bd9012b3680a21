//! `portclass run`: attach, count, print, until something ends the run.

use std::{
    io::{self, IsTerminal as _, Stdout},
    time::{Duration, Instant},
};

use portclass::{
    account::{Account, Direction, InterfaceInfo, Observed, Origin, Snapshot},
    dataplane::{
        Dataplane, Interface, KernelLog, Lock, Maps, Mode, Pins, Settings, default_route,
        interfaces,
    },
    report::{Live, Reporter},
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{Signal, SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval_at},
};

use super::{
    Failure, load_registry, log_line::with_names, output::Output, stderr::say, unless_closed,
};
use crate::cli::RunArgs;

pub fn run(args: RunArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(observe(args))
}

async fn observe(args: RunArgs) -> Result<(), Failure> {
    let interfaces = choose_interfaces(&args.interfaces)?;
    let settings = Settings {
        log_unlabelled: args.log_unlabelled,
    };
    let in_place =
        io::stdout().is_terminal() && !(args.log_unlabelled && io::stderr().is_terminal());
    let mut dataplane = open(&args, settings)?;
    let mut log = match settings.log_unlabelled {
        true => Some(readable(dataplane.log({
            let interfaces = interfaces.clone();
            move |line| say(with_names(line, &interfaces))
        })?)?),
        false => None,
    };
    dataplane.load()?;
    // From here on a signal ends the run in order. Before, it ends the process, and nothing is attached yet.
    let mut ends = Ends::new()?;
    let infos = interfaces
        .iter()
        .map(|interface| attach(&mut dataplane, interface, args.mode.into()))
        .collect::<Result<Vec<_>, Failure>>()?;
    let live = in_place.then(Live::default);
    let reporter = Reporter::new(args.format.into(), args.limit, live, io::stdout());
    let observed = Observed {
        registry: dataplane.contents()?.into(),
        interfaces: infos,
        origins: vec![Origin {
            interface: None,
            direction: Direction::Ingress,
        }],
        sort: args.sort.into(),
        tunnels: false,
        tags: false,
    };
    let mut run = Run {
        account: Account::new(observed, Instant::now()),
        dataplane,
        output: Output::start(reporter),
        observed: interfaces,
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

/// The interfaces of those names, each once, or the one that the default route leaves by.
fn choose_interfaces(names: &[String]) -> Result<Vec<Interface>, Failure> {
    let present = interfaces()
        .map_err(|error| Failure::new(format!("cannot list the interfaces: {error}")))?;
    let list = || {
        present
            .iter()
            .map(|interface| interface.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut chosen: Vec<Interface> = Vec::new();
    for name in names {
        let Some(interface) = present.iter().find(|interface| interface.name == *name) else {
            return Err(Failure::new(format!(
                "{name}: no such interface; this host has: {}",
                list()
            )));
        };
        if !chosen.contains(interface) {
            chosen.push(interface.clone());
        }
    }
    if names.is_empty() {
        let route = default_route()
            .map_err(|error| Failure::new(format!("cannot list the routes: {error}")))?;
        let interface = present
            .iter()
            .find(|interface| Some(interface.index) == route);
        let Some(interface) = interface else {
            return Err(Failure::new(format!(
                "no default route to choose an interface by; name one with --iface: {}",
                list()
            )));
        };
        chosen.push(interface.clone());
    }
    Ok(chosen)
}

/// The pinned maps where there are some and no other registry is asked for, private ones otherwise.
fn open(args: &RunArgs, settings: Settings) -> Result<Dataplane, Failure> {
    if args.registry.is_default() {
        let pin_dir = &args.pins.pin_dir;
        let lock = Lock::shared(pin_dir);
        match lock.and_then(|lock| Ok((Pins::find(pin_dir)?, lock))) {
            Ok((Some(pins), _lock)) => {
                let dataplane = Dataplane::open(Maps::Pinned(&pins), settings)?;
                say(format_args!(
                    "using the pinned registry in {}",
                    pins.directory().display()
                ));
                return Ok(dataplane);
            }
            Ok((None, _)) => {}
            Err(error) => say(format_args!(
                "warning: not using the pinned registry: {error}"
            )),
        }
    }
    let registry = load_registry(&args.registry.clone().sources())?;
    let entries = registry.entries().count();
    let mut dataplane = Dataplane::open(Maps::Private { entries }, settings)?;
    dataplane.fill(&registry)?;
    Ok(dataplane)
}

fn attach(
    dataplane: &mut Dataplane,
    interface: &Interface,
    mode: Mode,
) -> Result<InterfaceInfo, Failure> {
    let attachment = dataplane
        .attach(interface, mode)
        .map_err(|error| Failure::new(format!("{error}; {}", error.remedy())))?;
    if let Some(why) = attachment.fallback {
        say(format_args!(
            "warning: {why}; attaching in generic mode instead"
        ));
    }
    if !interface.is_up {
        let name = &interface.name;
        say(format_args!(
            "warning: {name} is down; nothing will be counted until it is up: ip link set dev {name} up"
        ));
    }
    let features = dataplane.features();
    let gave = features
        .iter()
        .map(|feature| format!(", {feature}"))
        .collect::<String>();
    say(format_args!(
        "attached to {} ({}{gave})",
        interface.name, attachment.mode
    ));
    Ok(InterfaceInfo {
        name: interface.name.clone(),
        index: interface.index,
        mode: Some(attachment.mode.name()),
        egress: None,
        directions: vec![Direction::Ingress],
        features,
    })
}

/// What a run works with once it has attached.
struct Run {
    dataplane: Dataplane,
    account: Account,
    output: Output,
    /// Interfaces that are still there, as far as is known.
    observed: Vec<Interface>,
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
        let program = self.dataplane.program_id();
        self.observed.retain_mut(|observed| {
            let still = present.iter().find(|interface| interface.index == observed.index);
            let attached = still.filter(|interface| interface.xdp.map(|(id, _)| id) == program);
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
                    "warning: {}: somebody has detached portclass; nothing is counted there any more",
                    observed.name
                )),
            }
            false
        });
    }

    fn interval(&mut self) -> Snapshot {
        self.name_registry();
        let (dataplane, now) = (&self.dataplane, Instant::now());
        let counters = vec![dataplane.counters()];
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
        let counters = [dataplane.counters()];
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

/// Whatever ends a run in order.
struct Ends {
    signals: [Signal; 3],
    deadline: Option<tokio::time::Instant>,
}

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self {
            signals: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
            deadline: None,
        })
    }

    /// Ends the run in `duration` as well; one beyond the clock's reach is none.
    fn after(&mut self, duration: Option<Duration>) {
        self.deadline =
            duration.and_then(|duration| tokio::time::Instant::now().checked_add(duration));
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        let deadline = self.deadline;
        let over = async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            () = over => {}
        }
    }
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

/// Whether nobody reads `stdout` any more.
fn is_closed(stdout: &Stdout) -> bool {
    let mut fds = [PollFd::new(stdout, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now)).is_ok()
        && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}
