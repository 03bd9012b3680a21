//! SIGHUP: a run takes its files' new content over, or says why not.

use std::{
    fs::{self, File},
    io::Write as _,
    process::Stdio,
};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::{Pid, Signal, kill_process},
};
use serde_json::Value;
use testbed::{bpffs::Bpffs, packet_socket::PacketSocket, privilege::is_root_or_skips, veth::Veth};

use super::{
    count::{rows, totals},
    flood::Replaced,
    pins::{self, PIN_DIR, tcp_to},
    process::{Hosts, Run, portclass, wait_until},
};

const KEPT: &str = "portclass: warning: not reloaded, the registry stays as it is: ";

/// Both ends up: frames pass from the client to the server.
fn up(hosts: &Hosts) -> Veth<'_> {
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    veth
}

/// Sends so many frames to that port, and waits until they have arrived.
fn send(veth: &Veth<'_>, port: u16, count: u64) {
    let before = veth.server.received().expect("counters");
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let frame = tcp_to(port);
    for _ in 0..count {
        socket.send(&frame).expect("sent");
    }
    wait_until("the frames received", || {
        veth.server.received().expect("counters") == before + count
    });
}

/// Has the run read its files again, and gives what it says.
fn reload(run: &mut Run) -> String {
    run.send(Signal::HUP);
    run.next_line()
}

/// Packets of each row.
fn packets(report: &Value) -> Vec<(String, u64)> {
    let rows = rows(report);
    let packets: u64 = rows.values().map(|&(packets, _)| packets).sum();
    assert_eq!(packets, totals(report).0);
    rows.into_iter()
        .map(|((name, _), (packets, _))| (name, packets))
        .collect()
}

fn named(name: &str, packets: u64) -> (String, u64) {
    (name.to_owned(), packets)
}

#[test]
fn a_port_moves_to_its_new_name_and_what_was_counted_stays_under_the_old_one() {
    if !is_root_or_skips(
        "a_port_moves_to_its_new_name_and_what_was_counted_stays_under_the_old_one",
    ) {
        return;
    }
    let hosts = Hosts::new();
    let veth = up(&hosts);
    let file = Replaced::new("old,50001,tcp\nsame,50002,tcp\n");
    let mut run = Run::start(
        &hosts.server,
        &format!(
            "-i server0 --format json --registry {} --no-preferred-names",
            file.name()
        ),
    );
    send(&veth, 50_001, 3);
    send(&veth, 50_002, 1);
    file.replace("new,50001,tcp\nsame,50002,tcp\nmore,50003,tcp\n");
    assert_eq!(
        reload(&mut run),
        "portclass: reloaded the registry: 3 entries, 3 of them named pairs: 2 written, 1 kept, 0 removed; 2 new slots\n"
    );
    send(&veth, 50_001, 5);
    send(&veth, 50_002, 1);
    file.replace("old,50001,tcp\n");
    assert_eq!(
        reload(&mut run),
        "portclass: reloaded the registry: 1 entries, 1 of them named pairs: 1 written, 0 kept, 2 removed; 0 new slots\n"
    );
    send(&veth, 50_001, 4);
    send(&veth, 50_002, 1);
    let report = run.interrupt();
    let expected = [("dynamic", 1), ("new", 5), ("old", 7), ("same", 2)];
    assert_eq!(
        packets(&report),
        expected.map(|(name, count)| named(name, count))
    );
    assert_eq!(report["registry"]["entries"], 1);
}

#[test]
fn reports_name_the_registry_that_was_read_again() {
    if !is_root_or_skips("reports_name_the_registry_that_was_read_again") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = up(&hosts);
    let file = Replaced::new("mine,50001,tcp\n");
    let mut run = Run::start(
        &hosts.server,
        &format!("-i server0 --format json --registry {}", file.name()),
    );
    let shipped = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/service-names-port-numbers.csv"
    ));
    file.replace(&shipped.expect("the shipped registry"));
    let said = reload(&mut run);
    assert!(
        said.contains("13,362 entries, 11,598 of them named pairs"),
        "{said}"
    );
    let report = run.interrupt();
    assert_eq!(report["registry"]["updated"], "2024-06-12");
    assert_eq!(report["registry"]["entries"], 11_598);
    assert_eq!(
        report["registry"]["layers"],
        serde_json::json!(["iana", "preferred"])
    );
}

#[test]
fn a_bad_file_changes_nothing_and_a_good_one_after_it_is_taken() {
    if !is_root_or_skips("a_bad_file_changes_nothing_and_a_good_one_after_it_is_taken") {
        return;
    }
    let hosts = Hosts::new();
    let veth = up(&hosts);
    let file = Replaced::new("good,50001,tcp\n");
    let mut run = Run::start(
        &hosts.server,
        &format!(
            "-i server0 --format json --strict --overlay {}",
            file.name()
        ),
    );
    let path = file.name();
    let mut good = 0;
    let mut check = |run: &mut Run, why: &str| {
        let said = reload(run);
        assert!(said.starts_with(KEPT), "{said}");
        assert!(said.contains(why), "{why:?} is not in: {said}");
        send(&veth, 50_001, 1);
        good += 1;
    };
    fs::remove_file(&path).expect("removed");
    check(
        &mut run,
        &format!("{path}: cannot read the registry: No such file"),
    );
    fs::create_dir(&path).expect("a folder");
    check(
        &mut run,
        &format!("{path}: cannot read the registry: is a directory"),
    );
    fs::remove_dir(&path).expect("removed");
    let again = "put it right and send SIGHUP again";
    for (content, why) in [
        ("", "the file is empty"),
        (
            "\0\u{1}\u{2} neither names nor ports",
            "not a port registry",
        ),
        (
            "bad,50001,tcp\nworse,99999999,tcp\n",
            "with --strict a registry must have no errors",
        ),
    ] {
        file.replace(content);
        check(&mut run, why);
        file.replace(content);
        check(&mut run, again);
    }
    // More than any maps hold, and more than these do beside the names that they have had.
    file.replace("everything,0-65535,\n");
    check(
        &mut run,
        "and the maps have 16384; no more than 65535 are possible",
    );
    file.replace("bad,50000-51000,\n");
    check(
        &mut run,
        "slots, those of earlier names included, and the maps have 16384; new ones have room: \
         end this run and start it again",
    );
    file.replace("better,50001,tcp\n");
    let said = reload(&mut run);
    assert!(said.contains(": 1 written, "), "{said}");
    send(&veth, 50_001, 1);
    let report = run.interrupt();
    assert_eq!(packets(&report), [named("better", 1), named("good", good)]);
}

#[test]
fn a_run_without_files_has_nothing_to_reload_and_goes_on() {
    if !is_root_or_skips("a_run_without_files_has_nothing_to_reload_and_goes_on") {
        return;
    }
    let hosts = Hosts::new();
    let veth = up(&hosts);
    let mut run = Run::start(
        &hosts.server,
        "-i server0 --format json --no-preferred-names",
    );
    for _ in 0..2 {
        assert_eq!(
            reload(&mut run),
            "portclass: nothing to reload: the registry is the one inside this program; \
             --registry and --overlay name files\n"
        );
    }
    send(&veth, 443, 1);
    assert_eq!(packets(&run.interrupt()), [named("https", 1)]);
}

#[test]
fn a_run_of_the_pinned_maps_names_the_command_that_changes_them() {
    if !is_root_or_skips("a_run_of_the_pinned_maps_names_the_command_that_changes_them") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let hosts = Hosts::new();
    let veth = up(&hosts);
    pins::stdout(&bpffs, "load");
    let mut run = bpffs.enter(|| Run::start(&hosts.server, "-i server0 --format json"));
    let said = reload(&mut run);
    assert_eq!(
        said,
        format!(
            "portclass: nothing to reload: the registry is the pinned one; portclass load --pin-dir {PIN_DIR} changes it\n"
        )
    );
    send(&veth, 443, 1);
    assert_eq!(packets(&run.interrupt()), [named("https", 1)]);
}

#[test]
fn files_that_the_environment_names_are_read_again() {
    if !is_root_or_skips("files_that_the_environment_names_are_read_again") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = up(&hosts);
    for variable in ["REGISTRY", "OVERLAY", "ETC_SERVICES"] {
        let file = Replaced::new("old 50001/tcp\n");
        let mut command = portclass("run -i server0 --format json");
        command.env(format!("PORTCLASS_{variable}"), file.path());
        let mut run = Run::start_command(&hosts.server, &mut command, 1);
        file.replace("new 50001/tcp\n");
        let said = reload(&mut run);
        assert!(said.contains(": 1 written, "), "{variable}: {said}");
        run.interrupt();
    }
}

#[test]
fn a_pipe_without_a_name_is_not_read_again() {
    if !is_root_or_skips("a_pipe_without_a_name_is_not_read_again") {
        return;
    }
    let hosts = Hosts::new();
    let veth = up(&hosts);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(b"mine,50001,tcp\n").expect("room");
    drop(writer);
    let mut command = portclass("run -i server0 --format json --overlay /dev/stdin");
    let mut run = Run::start_command(&hosts.server, command.stdin(reader), 1);
    assert_eq!(
        reload(&mut run),
        format!(
            "{KEPT}/dev/stdin: a pipe without a name cannot be read again; start the run again with a file\n"
        )
    );
    send(&veth, 50_001, 1);
    assert_eq!(packets(&run.interrupt()), [named("mine", 1)]);
}

/// Puts a pipe with a name where the file is: reading it takes as long as a test wants.
fn pipe_instead_of(file: &Replaced) {
    fs::remove_file(file.path()).expect("removed");
    mknodat(CWD, file.path(), FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
}

/// Opens the pipe, which takes a reader.
fn writer(file: &Replaced) -> File {
    File::options()
        .write(true)
        .open(file.path())
        .expect("a reader")
}

#[test]
fn signals_during_a_reload_are_answered_by_one_more() {
    if !is_root_or_skips("signals_during_a_reload_are_answered_by_one_more") {
        return;
    }
    let hosts = Hosts::new();
    let veth = up(&hosts);
    let file = Replaced::new("first,50001,tcp\n");
    let mut run = Run::start(
        &hosts.server,
        &format!("-i server0 --format json --overlay {}", file.name()),
    );
    pipe_instead_of(&file);
    run.send(Signal::HUP);
    let mut pipe = writer(&file);
    for _ in 0..3 {
        run.send(Signal::HUP);
    }
    pipe.write_all(b"second,50001,tcp\n").expect("written");
    drop(pipe);
    assert!(run.next_line().contains(": 1 written, "));
    writer(&file)
        .write_all(b"third,50001,tcp\n")
        .expect("written");
    assert!(run.next_line().contains(": 1 written, "));
    send(&veth, 50_001, 1);
    run.send(Signal::INT);
    let (status, out, err) = run.wait();
    assert!(status.success());
    assert_eq!(err, "", "there was no other reload");
    let report: Value = serde_json::from_str(&out).expect("one JSON document");
    assert_eq!(packets(&report), [named("third", 1)]);
}

#[test]
fn a_signal_while_a_run_starts_is_answered_once_it_has_attached() {
    if !is_root_or_skips("a_signal_while_a_run_starts_is_answered_once_it_has_attached") {
        return;
    }
    let hosts = Hosts::new();
    let veth = up(&hosts);
    let file = Replaced::new("");
    pipe_instead_of(&file);
    let arguments = format!("run -i server0 --format json --overlay {}", file.name());
    let mut command = portclass(&arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let starting = hosts.server.spawn(&mut command).expect("it starts");
    let mut pipe = writer(&file);
    kill_process(Pid::from_child(&starting), Signal::HUP).expect("it is ours");
    pipe.write_all(b"first,50001,tcp\n").expect("written");
    drop(pipe);
    let mut run = Run::attached(starting, 1);
    writer(&file)
        .write_all(b"second,50001,tcp\n")
        .expect("written");
    assert!(run.next_line().contains(": 1 written, "));
    send(&veth, 50_001, 1);
    assert_eq!(packets(&run.interrupt()), [named("second", 1)]);
}

#[test]
fn a_run_ends_while_a_reload_waits_for_its_file() {
    if !is_root_or_skips("a_run_ends_while_a_reload_waits_for_its_file") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = up(&hosts);
    for signal in [Signal::INT, Signal::TERM] {
        let file = Replaced::new("first,50001,tcp\n");
        let run = Run::start(
            &hosts.server,
            &format!("-i server0 --format json --overlay {}", file.name()),
        );
        pipe_instead_of(&file);
        run.send(Signal::HUP);
        let pipe = writer(&file);
        run.send(signal);
        // The end comes first, and what the reader waits for never.
        let (status, out, err) = run.wait();
        drop(pipe);
        assert!(status.success(), "{err}");
        assert_eq!(err, "");
        assert!(out.contains("portclass.snapshot/1"), "{out}");
    }
}
