//! `portclass run`: attach, count, print, until something ends the run.

use std::{
    io::{self, IsTerminal as _, Stdout},
    time::{Duration, Instant},
};

use portclass::{
    account::{Account, Direction, InterfaceInfo},
    dataplane::{
        Dataplane, Interface, KernelLog, Maps, Mode, Pins, Settings, default_route, interfaces,
    },
    report::{Live, Reporter, Size},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::tcgetwinsize,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval_at},
};

use super::{Failure, load_registry, say, unless_closed};
use crate::cli::RunArgs;

pub fn run(args: RunArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(observe(args))
}

async fn observe(args: RunArgs) -> Result<(), Failure> {
    let interfaces = choose_interfaces(&args.interfaces)?;
    // From here on a signal ends the run in order, so that it always gets its final report.
    let mut ends = Ends::new()?;
    let duration = args.duration;
    let settings = Settings {
        log_unlabelled: args.log_unlabelled,
    };
    let mode = args.mode.into();
    let format = args.format.into();
    let in_place =
        io::stdout().is_terminal() && !(args.log_unlabelled && io::stderr().is_terminal());
    let (period, limit, sort) = (args.interval, args.limit, args.sort.into());

    let mut dataplane = open(args, settings)?;
    let mut log = match settings.log_unlabelled {
        true => Some(readable(dataplane.log(|line| say(line))?)?),
        false => None,
    };
    dataplane.load()?;
    let infos = interfaces
        .iter()
        .map(|interface| attach(&mut dataplane, interface, mode))
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut account = Account::new(dataplane.contents()?.into(), infos, sort, Instant::now());
    let mut reporter = Reporter::new(format, limit, in_place.then(Live::default), io::stdout());

    ends.after(duration);
    let watched = watch(
        &dataplane,
        &mut account,
        &mut reporter,
        &mut log,
        &mut ends,
        period,
    )
    .await;
    dataplane.detach();
    if let Some(log) = &mut log {
        log.get_mut().flush();
    }
    match watched {
        Ok(()) => {
            let whole = account.whole(&dataplane.counters(), |slot| dataplane.service(slot));
            unless_closed(reporter.whole(whole))
        }
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
fn open(args: RunArgs, settings: Settings) -> Result<Dataplane, Failure> {
    if args.registry.is_default() {
        match Pins::find(&args.pins.pin_dir) {
            Ok(Some(pins)) => {
                let dataplane = Dataplane::open(Maps::Pinned(&pins), settings)?;
                say(format_args!(
                    "using the pinned registry in {}",
                    pins.directory().display()
                ));
                return Ok(dataplane);
            }
            Ok(None) => {}
            Err(error) => say(format_args!(
                "warning: not using the pinned registry: {error}"
            )),
        }
    }
    let registry = load_registry(&args.registry.sources())?;
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
    let attachment = dataplane.attach(interface, mode)?;
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

/// Reports every `period` until the run ends. An error is one of writing.
async fn watch(
    dataplane: &Dataplane,
    account: &mut Account,
    reporter: &mut Reporter<Stdout>,
    log: &mut Option<AsyncFd<KernelLog>>,
    ends: &mut Ends,
    period: Duration,
) -> io::Result<()> {
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = ends.any() => return Ok(()),
            () = flush(log.as_mut()) => {}
            _ = ticks.tick() => {
                if is_closed(&io::stdout()) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                let snapshot = account.interval(dataplane.counters(), Instant::now(), |slot| dataplane.service(slot));
                reporter.interval(&snapshot, terminal_size())?;
            }
        }
    }
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

/// Whether nobody reads `stdout` any more; only writing would tell otherwise, and some formats write at the end alone.
fn is_closed(stdout: &Stdout) -> bool {
    let mut fds = [PollFd::new(stdout, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now)).is_ok()
        && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

fn terminal_size() -> Option<Size> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(Size {
        columns: size.ws_col,
        rows: size.ws_row,
    })
}
