//! `portclass nft`: what it prints. Whether nftables takes it is tested with root, in `live`.

use std::{collections::HashSet, process::Command};

use super::registry::files;
use crate::{failure, json, portclass, stdout};

fn nft(arguments: &[&str]) -> Vec<String> {
    let shown = stdout(&[&["nft"], arguments].concat());
    shown.lines().map(str::to_owned).collect()
}

/// Whatever is no comment.
fn commands(arguments: &[&str]) -> Vec<String> {
    let mut lines = nft(arguments);
    lines.retain(|line| !line.starts_with('#'));
    lines
}

#[test]
fn a_service_is_a_variable_with_its_marks() {
    assert_eq!(
        nft(&["https", "HTTP", "vxlan*"]),
        [
            "# Marks by service, from a registry of 2024-06-12 (iana, preferred), written by portclass.",
            "# In a rule: meta mark and $portclass_mask $svc_https counter",
            "# Unlabelled: meta mark and $portclass_mask 0 counter",
            "define portclass_mask = 0x0007ffff",
            "define svc_http = { 0x00010050, 0x00020050, 0x00040050 } # 80/tcp, 80/udp, 80/sctp; also www, www-http",
            "define svc_https = { 0x000101bb, 0x000201bb, 0x000401bb } # 443/tcp, 443/udp, 443/sctp",
            "define svc_vxlan = { 0x000212b5 } # 4789/udp",
            "define svc_vxlan-gpe = { 0x000212b6 } # 4790/udp",
        ]
    );
}

#[test]
fn every_port_with_a_name_has_its_mark_once_and_services_stand_by_name() {
    let lines = commands(&[]);
    let (mask, services) = lines.split_first().expect("lines");
    assert_eq!(mask, "define portclass_mask = 0x0007ffff");
    let mut marks = HashSet::new();
    let mut names = Vec::new();
    for line in services {
        let (line, comment) = line.split_once(" # ").expect("a comment");
        let definition = line
            .strip_prefix("define svc_")
            .and_then(|line| line.strip_suffix(" }"));
        let (name, values) = definition
            .and_then(|line| line.split_once(" = { "))
            .expect("a definition");
        let own_name = comment.split_once(": ").map_or(name, |(name, _)| name);
        names.push(own_name.to_lowercase());
        for mark in values.split(", ") {
            assert!(marks.insert(mark.to_owned()), "{mark} stands twice");
        }
    }
    // The kernel's: those of ports that have a name on any transport too.
    assert_eq!(marks.len(), 11_598 + 760);
    assert!(names.is_sorted());
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
}

#[test]
fn marks_lie_in_the_bits_of_the_mask() {
    for arguments in [
        &["domain", "--mark-mask", "0xffffe000"][..],
        &["domain", "--mark-mask=4294959104"],
    ] {
        assert_eq!(
            commands(arguments),
            [
                "define portclass_mask = 0xffffe000",
                "define svc_domain = { 0x2006a000, 0x4006a000 } # 53/tcp, 53/udp",
            ]
        );
    }
    let output = Command::new(env!("CARGO_BIN_EXE_portclass"))
        .args(["nft", "domain"])
        .env("PORTCLASS_MARK_MASK", "0x7ffff0")
        .output()
        .expect("portclass starts");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("define svc_domain = { 0x00100350, 0x00200350 }"),
        "{shown}"
    );
}

#[test]
fn a_set_a_service_is_made_emptied_and_filled() {
    assert_eq!(
        nft(&["--set=ip filter", "vxlan"])[1..],
        [
            "# In a rule of this table: meta mark and 0x0007ffff @svc_vxlan counter",
            "add table ip filter",
            "# 4789/udp",
            "add set ip filter svc_vxlan { type mark; }",
            "flush set ip filter svc_vxlan",
            "add element ip filter svc_vxlan { 0x000212b5 comment \"4789/udp\" }",
        ]
    );
    assert_eq!(
        commands(&["--set", "vxlan"])[0],
        "add table inet portclass",
        "the argument is a service"
    );
}

#[test]
fn a_map_leads_to_a_chain_a_service() {
    assert_eq!(
        nft(&["--map", "domain", "vxlan"])[1..],
        [
            "# In a rule of this table: meta mark and 0x0007ffff vmap @services",
            "# The rules for a service: add rule inet portclass svc_domain counter",
            "add table inet portclass",
            "add map inet portclass services { type mark : verdict; }",
            "flush map inet portclass services",
            "# 53/tcp, 53/udp",
            "add chain inet portclass svc_domain",
            "add element inet portclass services { 0x00010035 comment \"53/tcp\" : jump svc_domain, \
             0x00020035 comment \"53/udp\" : jump svc_domain }",
            "# 4789/udp",
            "add chain inet portclass svc_vxlan",
            "add element inet portclass services { 0x000212b5 comment \"4789/udp\" : jump svc_vxlan }",
        ]
    );
}

#[test]
fn names_that_nftables_does_not_take_stand_in_the_comment() {
    let (_folder, [registry]) = files([(
        "odd.csv",
        "a+b,1,tcp\na_b,2,tcp\na*b,3,udp\n\"x\"\"; } flush ruleset #\",4,tcp\nHTTPS,5,tcp\nhttps,443,tcp\n\"two\nlines\",6,tcp\n",
    )]);
    let arguments = ["--registry", &registry, "--no-preferred-names"];
    let run = |more: &[&str]| {
        let output = portclass(&[&["nft"], &arguments[..], more].concat());
        String::from_utf8(output.stdout).expect("text")
    };
    let shown = run(&[]);
    let lines: Vec<_> = shown.lines().skip(4).collect();
    assert_eq!(
        lines,
        [
            "define svc_a_b_3 = { 0x00020003 } # a*b: 3/udp",
            "define svc_a_b_1 = { 0x00010001 } # a+b: 1/tcp",
            "define svc_a_b = { 0x00010002 } # 2/tcp",
            "define svc_HTTPS = { 0x00010005 } # 5/tcp",
            "define svc_https = { 0x000101bb } # 443/tcp",
            "define svc_two_lines = { 0x00010006 } # two lines: 6/tcp",
            "define svc_x_____flush_ruleset__ = { 0x00010004 } # x\"; } flush ruleset #: 4/tcp",
        ]
    );
    // What is asked for does not change what it is called. An asterisk is one where a name has it.
    let shown = run(&["a*b"]);
    assert_eq!(
        shown.lines().skip(4).collect::<Vec<_>>(),
        ["define svc_a_b_3 = { 0x00020003 } # a*b: 3/udp"]
    );
    assert_eq!(run(&["https"]).lines().count(), 4 + 2);
}

#[test]
fn overlays_decide_as_in_the_kernel() {
    let (_folder, [overlay]) = files([("overlay.csv", "my-app,443,tcp\nmy-app,9000-9002,udp\n")]);
    assert_eq!(
        commands(&["--overlay", &overlay, "https", "my-*"])[1..],
        [
            "define svc_https = { 0x000201bb, 0x000401bb } # 443/udp, 443/sctp",
            "define svc_my-app = { 0x000101bb, 0x00022328, 0x00022329, 0x0002232a } # 443/tcp, 9000-9002/udp",
        ]
    );
    let found = json(&["--overlay", &overlay, "443/tcp"]);
    assert_eq!(found[0]["service"], "my-app");
}

#[test]
fn a_name_that_no_port_has_is_said_and_nothing_is_printed() {
    let (status, said) = failure(&["nft", "https", "htps", "no-such*"]);
    assert_eq!(status, Some(1));
    assert_eq!(
        said.trim_end(),
        "portclass: htps (did you mean ftps, htsp, https?), no-such*: no port of the registry has that name"
    );
    // A service without a port.
    let (status, said) = failure(&["nft", "1password"]);
    assert_eq!(status, Some(1));
    assert_eq!(
        said.trim_end(),
        "portclass: 1password: no port of the registry has that name"
    );
}

#[test]
fn masks_patterns_and_tables_that_cannot_be_are_wrong_usage() {
    for (arguments, part) in [
        (
            &["--mark-mask", "0x3ffff"][..],
            "expected at least 19 bits, one beside the other",
        ),
        (&["--mark-mask", "0x8007ffff"], "one beside the other"),
        (&["--mark-mask", "7ffff"], "expected up to 32 bits"),
        (&["--mark-mask", "0x1ffffffff"], "expected up to 32 bits"),
        (&["--set=a b c"], "unknown family"),
        (&["--set=a;b"], "no table can have this name"),
        (&["--map="], "no table can have this name"),
        (&["--set", "--map"], "cannot be used with"),
        (&["[a"], "is no pattern"),
    ] {
        let (status, said) = failure(&[&["nft"], arguments].concat());
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
    }
}
