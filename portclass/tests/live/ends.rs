//! Every way in which a run can end leaves nothing attached.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    os::fd::{FromRawFd as _, OwnedFd},
    process::Stdio,
};

use rustix::process::Signal;
use testbed::privilege::is_root_or_skips;

use super::{
    flood::Replaced,
    process::{Hosts, Run, portclass, wait_until, xdp_on},
};

fn nothing_is_left(hosts: &Hosts) {
    assert_eq!(xdp_on(&hosts.server, Hosts::SERVER), "");
}

#[test]
fn signals_end_a_run_in_order_with_a_final_report() {
    if !is_root_or_skips("signals_end_a_run_in_order_with_a_final_report") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT] {
        let run = Run::start(&hosts.server, "-i server0 --format json");
        assert_ne!(xdp_on(&hosts.server, Hosts::SERVER), "");
        run.send(signal);
        let (status, out, err) = run.wait();
        assert!(status.success(), "{signal:?}: {err}");
        assert!(out.contains("portclass.snapshot/1"), "{signal:?}: {out}");
        nothing_is_left(&hosts);
    }
}

/// Both sides of a new pseudoterminal.
fn terminal() -> (File, File) {
    let (mut master, mut terminal) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: the descriptors are written to variables of ours, and nothing else is asked for.
    let opened =
        unsafe { libc::openpty(&mut master, &mut terminal, null, null.cast(), null.cast()) };
    assert_eq!(opened, 0, "a terminal");
    // SAFETY: the kernel has just handed both descriptors over.
    [master, terminal]
        .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }.into())
        .into()
}

#[test]
fn a_run_at_a_terminal_ends_when_the_terminal_hangs_up() {
    if !is_root_or_skips("a_run_at_a_terminal_ends_when_the_terminal_hangs_up") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let file = Replaced::new("mine,50001,tcp\n");
    for at_stdin in [true, false] {
        let (mut master, terminal) = terminal();
        let mut command = portclass(&format!(
            "run -i server0 --format json --overlay {}",
            file.name()
        ));
        let stdout: Stdio = if at_stdin {
            command.stdin(terminal);
            Stdio::piped()
        } else {
            terminal.into()
        };
        let run = Run::start_into(stdout, &hosts.server, &mut command, 1);
        drop(command);
        run.send(Signal::HUP);
        let (status, mut out, err) = run.wait();
        assert!(status.success(), "{err}");
        assert_eq!(err, "");
        if !at_stdin {
            // Reading ends with an error: nobody has the other side open any more.
            let mut written = Vec::new();
            let _hung_up = master.read_to_end(&mut written);
            out = String::from_utf8(written).expect("text");
        }
        assert!(out.contains("portclass.snapshot/1"), "{out}");
        nothing_is_left(&hosts);
    }
}

#[test]
fn a_duration_ends_a_run() {
    if !is_root_or_skips("a_duration_ends_a_run") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (status, out, _) =
        Run::start(&hosts.server, "-i server0 --duration 50ms --interval 1h").wait();
    assert!(status.success());
    let headings: Vec<_> = out
        .lines()
        .filter(|line| line.starts_with("SERVICE "))
        .collect();
    assert_eq!(headings.len(), 1, "{out}");
    assert!(!headings[0].contains("PACKETS/S"), "{out}");
    nothing_is_left(&hosts);
}

#[test]
fn a_stdout_that_nobody_reads_neither_holds_a_run_up_nor_keeps_it_attached() {
    if !is_root_or_skips("a_stdout_that_nobody_reads_neither_holds_a_run_up_nor_keeps_it_attached")
    {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    for format in ["json", "jsonl"] {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let full = vec![b' '; rustix::pipe::fcntl_getpipe_size(&writer).expect("a pipe")];
        std::io::Write::write_all(&mut writer, &full).expect("room");
        let mut command = portclass(&format!("run -i server0 --interval 10ms --format {format}"));
        let run = Run::start_into(writer.into(), &hosts.server, &mut command, 1);
        run.send(Signal::TERM);
        wait_until("the program is gone", || {
            xdp_on(&hosts.server, Hosts::SERVER).is_empty()
        });
        // A second signal ends the wait for whoever might still read.
        run.send(Signal::TERM);
        let (status, _, err) = run.wait();
        assert_eq!(status.code(), Some(1), "{format}");
        assert!(err.contains("the final report is lost"), "{err}");
        drop(reader);
    }
}

#[test]
fn a_full_stderr_neither_holds_a_run_up_nor_keeps_it_attached() {
    if !is_root_or_skips("a_full_stderr_neither_holds_a_run_up_nor_keeps_it_attached") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let full = vec![b' '; rustix::pipe::fcntl_getpipe_size(&writer).expect("a pipe")];
    std::io::Write::write_all(&mut writer, &full).expect("room");
    let mut command = portclass("run -i server0 --format json --log-unlabelled");
    let mut child = hosts
        .server
        .spawn(command.stdout(Stdio::null()).stderr(writer))
        .expect("portclass starts");
    wait_until("it is attached", || {
        !xdp_on(&hosts.server, Hosts::SERVER).is_empty()
    });
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).expect("it is ours");
    assert!(child.wait().expect("its end").success());
    nothing_is_left(&hosts);
    drop(reader);
}

#[test]
fn a_stderr_that_nobody_reads_is_no_reason_to_end() {
    if !is_root_or_skips("a_stderr_that_nobody_reads_is_no_reason_to_end") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = portclass("run -i server0 --duration 10ms --format json");
    let output = hosts
        .server
        .output(command.stderr(writer))
        .expect("portclass starts");
    assert!(output.status.success());
    assert!(!output.stdout.is_empty());
}

#[test]
fn a_closed_stdout_is_a_normal_end_in_every_format() {
    if !is_root_or_skips("a_closed_stdout_is_a_normal_end_in_every_format") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    for format in ["table", "json", "jsonl", "csv"] {
        // What is written at an interval tells by itself; a run that writes at the end alone has to look.
        let interval = if format == "json" { "1h" } else { "20ms" };
        let mut run = Run::start(
            &hosts.server,
            &format!("-i server0 --interval {interval} --format {format}"),
        );
        let mut stdout = BufReader::new(run.stdout());
        if format != "json" {
            stdout.read_line(&mut String::new()).expect("a first line");
        }
        drop(stdout);
        let (status, _, err) = run.wait();
        assert!(status.success(), "{format}: {err}");
        assert_eq!(err, "", "{format}");
        nothing_is_left(&hosts);
    }
}

#[test]
fn a_full_disk_is_an_error() {
    if !is_root_or_skips("a_full_disk_is_an_error") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("a full device");
    let mut command = portclass("run -i server0 --interval 20ms");
    let refused = hosts
        .server
        .output(command.stdout(full))
        .expect("portclass starts");
    assert_eq!(refused.status.code(), Some(1));
    let said = super::process::stderr(&refused);
    assert!(
        said.contains("cannot write to stdout: No space left"),
        "{said}"
    );
    nothing_is_left(&hosts);
}

#[test]
fn a_killed_run_leaves_nothing_and_the_next_one_works() {
    if !is_root_or_skips("a_killed_run_leaves_nothing_and_the_next_one_works") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let run = Run::start(&hosts.server, "-i server0");
    run.send(Signal::KILL);
    assert!(!run.wait().0.success());
    // The kernel lets go of a link when it has put the process away.
    wait_until("the program is gone", || {
        xdp_on(&hosts.server, Hosts::SERVER).is_empty()
    });
    Run::start(&hosts.server, "-i server0 --format json").interrupt();
    nothing_is_left(&hosts);
}

#[test]
fn an_interface_that_is_renamed_keeps_its_numbers_under_the_new_name() {
    if !is_root_or_skips("an_interface_that_is_renamed_keeps_its_numbers_under_the_new_name") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let mut run = Run::start(&hosts.server, "-i server0 --format jsonl --interval 50ms");
    let rename = || hosts.server.ip("link set dev server0 name renamed0");
    // Before Linux 6.2 (bd039b5ea2a9) an interface has to be down for that.
    if rename().is_err() {
        veth.server.set("down").expect("down");
        rename().expect("renamed");
    }
    let lines = BufReader::new(run.stdout()).lines();
    let renamed = |line: std::io::Result<String>| line.expect("a line").contains("renamed0");
    let mut lines = lines;
    assert!(lines.any(renamed));
}

#[test]
fn an_interface_that_goes_away_does_not_disturb_a_run() {
    if !is_root_or_skips("an_interface_that_goes_away_does_not_disturb_a_run") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let mut run = Run::start(&hosts.server, "-i server0 --format json");
    hosts.server.ip("link del dev server0").expect("deleted");
    assert_eq!(
        run.next_line(),
        "portclass: warning: server0 has gone from this network namespace\n"
    );
    assert_eq!(run.interrupt()["totals"]["packets"], 0);
}
