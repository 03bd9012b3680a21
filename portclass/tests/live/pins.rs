//! `load`, `status` and `detach`, and a run that picks the pinned registry up.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use testbed::{
    bpffs::Bpffs, frame, ip, ip::Hosts as Addresses, packet_socket::PacketSocket,
    privilege::is_root_or_skips, segment,
};

use super::process::{Hosts, Run, assert_one_line, portclass, wait_until};

pub const PIN_DIR: &str = "/sys/fs/bpf/portclass";

pub fn output(bpffs: &Bpffs, arguments: &str) -> Output {
    bpffs
        .enter(|| portclass(arguments).output())
        .expect("portclass starts")
}

pub fn stdout(bpffs: &Bpffs, arguments: &str) -> String {
    let output = output(bpffs, arguments);
    assert!(
        output.status.success(),
        "{}",
        super::process::stderr(&output)
    );
    String::from_utf8(output.stdout).expect("text")
}

pub fn tcp_to(port: u16) -> Vec<u8> {
    let segment = segment::tcp(&Addresses::V4, 50_123, port, b"");
    frame::ethernet(
        frame::ether_type::IPV4,
        &ip::ipv4(ip::protocol::TCP, &segment),
    )
}

#[test]
fn a_loaded_registry_is_shown_reloaded_and_removed() {
    if !is_root_or_skips("a_loaded_registry_is_shown_reloaded_and_removed") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    assert!(stdout(&bpffs, "status").starts_with("pinned    nothing in"));
    let first = stdout(&bpffs, "load");
    assert!(
        first.contains("13,362 entries, 11,598 of them named pairs: 13,362 written, 0 kept"),
        "{first}"
    );
    let status = stdout(&bpffs, "status");
    assert!(
        status.contains("registry of 2024-06-12 (iana, preferred), 13,362 entries"),
        "{status}"
    );
    assert!(
        status.contains("13,362 of 16,384 slots, generation 1"),
        "{status}"
    );

    let again = stdout(&bpffs, "load");
    assert!(
        again.contains("0 written, 13,362 kept, 0 removed; 0 new slots"),
        "{again}"
    );
    let plain = stdout(&bpffs, "load --no-preferred-names");
    assert!(
        plain.contains("5 written, 13,357 kept, 0 removed; 5 new slots"),
        "{plain}"
    );
    let back = stdout(&bpffs, "load");
    assert!(
        back.contains("5 written, 13,357 kept, 0 removed; 0 new slots"),
        "{back}"
    );

    assert_eq!(stdout(&bpffs, "detach").lines().count(), 3);
    assert!(stdout(&bpffs, "detach").starts_with("nothing is pinned"));
    bpffs.enter(|| assert!(!Path::new(PIN_DIR).exists()));
}

#[test]
fn a_bad_registry_leaves_the_pinned_one_as_it_was() {
    if !is_root_or_skips("a_bad_registry_leaves_the_pinned_one_as_it_was") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    assert_one_line(
        &output(&bpffs, "load --registry /nonexistent"),
        1,
        &["/nonexistent: cannot read the registry"],
    );
    bpffs.enter(|| assert!(!Path::new(PIN_DIR).exists()));
    stdout(&bpffs, "load");
    let before = stdout(&bpffs, "status");
    assert_one_line(
        &output(&bpffs, "load --registry /dev/null"),
        1,
        &["the file is empty"],
    );
    assert_eq!(stdout(&bpffs, "status"), before);
}

#[test]
fn something_else_where_a_pin_should_be_is_left_alone() {
    if !is_root_or_skips("something_else_where_a_pin_should_be_is_left_alone") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    bpffs
        .enter(|| fs::create_dir_all(format!("{PIN_DIR}/registry")))
        .expect("a folder");
    let parts = [
        &format!("{PIN_DIR}/registry: "),
        "not a map of this version of portclass; remove it: rm",
    ];
    assert_one_line(&output(&bpffs, "load"), 1, &parts);
    bpffs.enter(|| assert!(Path::new(PIN_DIR).join("registry").is_dir()));
    let found = stdout(&bpffs, "doctor -i lo");
    assert!(found.contains("[pins-unused]"), "{found}");
}

#[test]
fn detach_removes_ours_and_names_what_is_not() {
    if !is_root_or_skips("detach_removes_ours_and_names_what_is_not") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    stdout(&bpffs, "load");
    let state = Path::new(PIN_DIR).join("state");
    bpffs.enter(|| {
        fs::remove_file(&state).expect("removed");
        fs::create_dir(&state).expect("a folder");
    });
    let parts = ["/state: no pin at all", "remove it: rm -r"];
    assert_one_line(&output(&bpffs, "detach"), 1, &parts);
    let left = bpffs.enter(|| fs::read_dir(PIN_DIR).expect("the folder").count());
    assert_eq!(left, 1);
    assert_one_line(&output(&bpffs, "load"), 1, &parts);
}

#[test]
fn a_map_of_the_same_shape_under_another_name_is_somebody_elses() {
    if !is_root_or_skips("a_map_of_the_same_shape_under_another_name_is_somebody_elses") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let pin = Path::new(PIN_DIR).join("registry");
    bpffs.enter(|| {
        fs::create_dir(PIN_DIR).expect("a folder");
        let mut command = std::process::Command::new("bpftool");
        command.args(["map", "create"]).arg(&pin);
        command.args("type hash key 4 value 4 entries 9 name sessions".split(' '));
        assert!(
            command
                .status()
                .expect("bpftool starts (package bpftool)")
                .success()
        );
    });
    let parts = ["/registry: a BPF map of another kind", "remove it: rm "];
    for command in ["detach", "load", "status"] {
        let refused = output(&bpffs, command);
        assert_eq!(refused.status.code(), Some(1), "{command}");
        assert!(
            parts
                .iter()
                .all(|part| super::process::stderr(&refused).contains(part)),
            "{command}"
        );
    }
    bpffs.enter(|| assert!(pin.exists()));
}

#[test]
fn a_closed_or_full_stdout_does_not_hurt_load() {
    if !is_root_or_skips("a_closed_or_full_stdout_does_not_hurt_load") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let closed = bpffs.enter(|| portclass("load").stdout(writer).output());
    assert!(closed.expect("portclass starts").status.success());
    let full = fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("a full device");
    let full = bpffs.enter(|| portclass("load").stdout(full).output());
    assert_one_line(
        &full.expect("portclass starts"),
        1,
        &["cannot write to stdout: No space left"],
    );
    assert!(stdout(&bpffs, "status").contains("generation 2"));
}

#[test]
fn bpftool_shows_entries_and_names() {
    if !is_root_or_skips("bpftool_shows_entries_and_names") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    stdout(&bpffs, "load");
    let dump = |map: &str| -> Value {
        let mut command = std::process::Command::new("bpftool");
        command
            .args(["--json", "map", "dump", "pinned"])
            .arg(Path::new(PIN_DIR).join(map));
        let output = bpffs
            .enter(|| command.output())
            .expect("bpftool starts (package bpftool)");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let registry = dump("registry");
    let entries = registry.as_array().expect("entries");
    assert_eq!(entries.len(), 13_362);
    let key = serde_json::json!({ "port": 4846, "transport": 6, "pad": 0 });
    let entry = entries
        .iter()
        .find(|entry| entry["formatted"]["key"] == key)
        .expect("contamac-icm");
    let slot = entry["formatted"]["value"]["slot"]
        .as_u64()
        .expect("a slot") as usize;
    let service = &dump("services")[slot]["formatted"]["value"];
    assert_eq!(
        *service,
        serde_json::json!({ "name": "contamac-icm", "port": 4846, "transport": 6, "class": 0 })
    );
    assert_eq!(
        dump("state")[0]["formatted"]["value"]["registry_date"],
        20_240_612
    );
}

#[test]
fn slots_that_others_write_are_counted_all_the_same() {
    if !is_root_or_skips("slots_that_others_write_are_counted_all_the_same") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    stdout(&bpffs, "load");
    let run = bpffs.enter(|| Run::start(&hosts.server, "-i server0 --format json"));
    // Ports 1 and 2 on TCP: a slot that nobody has filled, and one that there is no room for.
    for (port, slot) in [(1_u16, 16_000_u16), (2, u16::MAX)] {
        let hex = |bytes: [u8; 2]| bytes.map(|byte| byte.to_string());
        let mut command = std::process::Command::new("bpftool");
        command
            .args(["map", "update", "pinned"])
            .arg(Path::new(PIN_DIR).join("registry"))
            .arg("key");
        command
            .args(hex(port.to_ne_bytes()))
            .args(["6", "0", "value"]);
        command.args(hex(slot.to_ne_bytes())).args(["0", "0"]);
        let output = bpffs
            .enter(|| command.output())
            .expect("bpftool starts (package bpftool)");
        assert!(
            output.status.success(),
            "{}",
            super::process::stderr(&output)
        );
        let frame = tcp_to(port);
        PacketSocket::open(&veth.client)
            .expect("a packet socket")
            .send(&frame)
            .expect("sent");
    }
    wait_until("the frames received", || {
        veth.server.received().expect("counters") == 2
    });
    let report = run.interrupt();
    assert_eq!(report["totals"]["packets"], 2);
    let reasons = report["unlabelled"].as_array().expect("rows");
    let shown: Vec<_> = reasons
        .iter()
        .map(|row| (&row["class"], &row["transport"], &row["detail"]))
        .collect();
    assert!(
        shown.contains(&(&"unassigned".into(), &Value::Null, &"slot 16000".into())),
        "{shown:?}"
    );
    assert!(
        shown.contains(&(&"unassigned".into(), &"tcp".into(), &Value::Null)),
        "{shown:?}"
    );
}

#[test]
fn a_user_without_privilege_is_told_what_only_root_may_see() {
    if !is_root_or_skips("a_user_without_privilege_is_told_what_only_root_may_see") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let run = Run::start(&hosts.server, "-i server0 --format json");
    let program = super::process::program_for_others();
    let mut command = std::process::Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all",
    ]);
    command
        .arg(&program.path)
        .args(["status", "--pin-dir", "/nonexistent"]);
    let shown = hosts.server.output(&mut command).expect("setpriv starts");
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert!(
        shown.contains("attached  server0: an XDP program (id "),
        "{shown}"
    );
    assert!(shown.contains("as root"), "{shown}");
    run.interrupt();
}

#[test]
fn pins_need_a_bpf_file_system() {
    if !is_root_or_skips("pins_need_a_bpf_file_system") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let refused = output(&bpffs, "load --pin-dir /tmp/portclass-pins");
    assert_one_line(
        &refused,
        1,
        &[
            "/tmp/portclass-pins: not on a BPF file system",
            "name a folder below /sys/fs/bpf with --pin-dir",
        ],
    );
    assert!(!Path::new("/tmp/portclass-pins").exists());
}

#[test]
fn a_run_picks_the_pinned_registry_up_and_says_so() {
    if !is_root_or_skips("a_run_picks_the_pinned_registry_up_and_says_so") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    stdout(&bpffs, "load --no-preferred-names");
    let count = |arguments: &str| {
        let run = bpffs.enter(|| {
            Run::start(
                &hosts.server,
                &format!("-i server0 --format json {arguments}"),
            )
        });
        let before = veth.server.received().expect("counters");
        let frame = tcp_to(2_049);
        PacketSocket::open(&veth.client)
            .expect("a packet socket")
            .send(&frame)
            .expect("sent");
        wait_until("the frame received", || {
            veth.server.received().expect("counters") > before
        });
        let said = run.said.clone();
        (run.interrupt(), said)
    };
    let (report, said) = count("");
    assert!(
        said.contains(&format!("using the pinned registry in {PIN_DIR}")),
        "{said}"
    );
    assert_eq!(report["services"][0]["service"], "shilp");
    assert_eq!(report["registry"]["layers"], serde_json::json!(["iana"]));
    assert_eq!(report["registry"]["updated"], "2024-06-12");
    assert_eq!(report["registry"]["entries"], 11_598);

    let registry = format!(
        "--registry {}/data/service-names-port-numbers.csv",
        env!("CARGO_MANIFEST_DIR")
    );
    let (report, said) = count(&registry);
    assert!(!said.contains("pinned"), "{said}");
    assert_eq!(report["services"][0]["service"], "nfs");
    assert!(
        stdout(&bpffs, "status").contains("generation 1"),
        "runs change no pin"
    );
}

#[test]
fn a_run_follows_a_registry_that_is_loaded_meanwhile() {
    if !is_root_or_skips("a_run_follows_a_registry_that_is_loaded_meanwhile") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    stdout(&bpffs, "load --no-preferred-names");
    let run = bpffs.enter(|| Run::start(&hosts.server, "-i server0 --format json"));
    let frame = tcp_to(2_049);
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let send = |count: u64| {
        socket.send(&frame).expect("sent");
        wait_until("the frame received", || {
            veth.server.received().expect("counters") == count
        });
    };
    send(1);
    stdout(&bpffs, "load");
    send(2);
    let report = run.interrupt();
    let names: Vec<_> = report["services"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["service"])
        .collect();
    assert_eq!(
        names,
        ["nfs", "shilp"],
        "what was counted before keeps its name"
    );
    assert_eq!(
        report["registry"]["layers"],
        serde_json::json!(["iana", "preferred"])
    );
    assert_eq!(report["totals"]["packets"], 2);
}
