//! What `portclass nft` prints, in nftables itself.

use std::{
    collections::HashSet,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::NamedTempFile;
use testbed::{
    machine::unless_slow, netns::Netns, privilege::is_root_or_skips, tool::is_there_or_skips,
};

use super::process::portclass;

/// A namespace for rules, unless `test` has to be skipped.
fn namespace_or_skips(test: &str) -> Option<Netns> {
    let is_possible = is_root_or_skips(test) && is_there_or_skips("nft", "nftables", test);
    is_possible.then(|| Netns::new().expect("a namespace"))
}

pub fn portclass_nft(arguments: &[&str]) -> String {
    let output = portclass("nft")
        .args(arguments)
        .output()
        .expect("portclass starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Runs `nft` inside, with `input` as its file.
pub fn nft(netns: &Netns, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("nft");
    command.args(arguments).args(["-f", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    let mut child = netns.spawn(&mut command).expect("nft starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("nft reads");
    drop(stdin);
    success(child.wait_with_output().expect("its end"))
}

fn list(netns: &Netns, arguments: &[&str]) -> Value {
    let mut command = Command::new("nft");
    command.args(["--json", "list"]).args(arguments);
    let shown = success(netns.output(&mut command).expect("nft starts"));
    serde_json::from_str(&shown).expect("JSON")
}

fn success(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}", &said[..said.len().min(2000)]);
    String::from_utf8(output.stdout).expect("text")
}

fn chain(rules: &str) -> String {
    let hook = "type filter hook prerouting priority 0";
    chain_of("inet portclass", hook, rules)
}

/// A chain with these rules, at a hook.
pub fn chain_of(table: &str, hook: &str, rules: &str) -> String {
    format!("table {table} {{\n chain arrives {{\n  {hook}\n{rules}\n }}\n}}\n")
}

/// The packets that each rule of that chain has counted.
pub fn rules_with_packets(netns: &Netns, table: &str) -> Vec<u64> {
    let words = [
        &["chain"][..],
        &table.split(' ').collect::<Vec<_>>(),
        &["arrives"],
    ];
    let listed = list(netns, &words.concat());
    let objects = listed["nftables"].as_array().expect("objects").iter();
    let expressions = objects.filter_map(|object| object["rule"]["expr"].as_array());
    let counters = expressions.flat_map(|expressions| expressions.iter());
    counters
        .filter_map(|expression| expression["counter"]["packets"].as_u64())
        .collect()
}

fn identifiers(defines: &str) -> Vec<&str> {
    let lines = defines
        .lines()
        .filter_map(|line| line.strip_prefix("define svc_"));
    lines
        .map(|line| line.split(' ').next().expect("a word"))
        .collect()
}

/// How many elements a set or map has.
fn elements(listed: &Value, kind: &str, name: &str) -> usize {
    let objects = listed["nftables"].as_array().expect("objects").iter();
    let mut of_kind = objects.filter_map(|object| object.get(kind));
    let found = of_kind
        .find(|object| object["name"] == name)
        .expect("it is there");
    found["elem"].as_array().map_or(0, Vec::len)
}

#[test]
fn nftables_takes_every_define_in_rules() {
    let Some(netns) = namespace_or_skips("nftables_takes_every_define_in_rules") else {
        return;
    };
    for mask in ["0x0007ffff", "0xffffe000"] {
        let defines = portclass_nft(&["--mark-mask", mask]);
        let mut names = identifiers(&defines);
        assert!(names.len() > 6_000);
        names.truncate(unless_slow(names.len(), 500));
        let rules: String = names
            .iter()
            .map(|name| format!("  meta mark and $portclass_mask $svc_{name} counter\n"))
            .collect();
        nft(&netns, &["-c"], &format!("{defines}{}", chain(&rules)));
    }
}

#[test]
fn a_define_stands_wherever_rules_compare_marks() {
    let Some(netns) = namespace_or_skips("a_define_stands_wherever_rules_compare_marks") else {
        return;
    };
    // One mark, several, ranges, and an odd name.
    let mut file = NamedTempFile::new().expect("a temporary file");
    let defines = portclass_nft(&["vxlan", "https", "x11", "escale*"]);
    file.write_all(defines.as_bytes()).expect("room");
    let rules = "
        meta mark and $portclass_mask $svc_vxlan accept
        meta mark and $portclass_mask == $svc_https accept
        meta mark and $portclass_mask != $svc_x11 counter
        meta mark and $portclass_mask { $svc_https, $svc_Escale__Newton_Dock_ } counter
        meta mark and $portclass_mask vmap { $svc_https : accept, $svc_x11 : drop, $svc_Escale__Newton_Dock_ : continue }
        meta mark and $portclass_mask 0 counter
        ct mark and $portclass_mask $svc_https counter
        ct mark set meta mark and $portclass_mask";
    let include = format!("include \"{}\"\n", file.path().display());
    nft(&netns, &[], &format!("{include}{}", chain(rules)));
    let listed = list(&netns, &["chain", "inet", "portclass", "arrives"]);
    let objects = listed["nftables"].as_array().expect("objects").iter();
    assert_eq!(
        objects.filter(|object| !object["rule"].is_null()).count(),
        8
    );
}

#[test]
fn all_sets_are_loaded_and_loaded_again() {
    let Some(netns) = namespace_or_skips("all_sets_are_loaded_and_loaded_again") else {
        return;
    };
    // Old kernels take half a minute for all of them where they are emulated.
    let names: &[&str] = unless_slow(&[], &["https", "x11", "a*"]);
    nft(&netns, &[], &portclass_nft(&[&["--set"], names].concat()));
    // The rule stays, and so does what it refers to.
    nft(
        &netns,
        &[],
        &chain("  meta mark and 0x0007ffff @svc_https counter"),
    );
    let listed = list(&netns, &["sets"]);
    assert_eq!(elements(&listed, "set", "svc_https"), 3);
    assert_eq!(elements(&listed, "set", "svc_x11"), 2 * 64);
    let mut overlay = NamedTempFile::with_suffix(".csv").expect("a temporary file");
    overlay
        .write_all(b"my-app,443,udp\n")
        .expect("room for a line");
    let path = overlay.path().display().to_string();
    nft(
        &netns,
        &[],
        &portclass_nft(&["--set", "--overlay", &path, "https", "my-app"]),
    );
    let listed = list(&netns, &["sets"]);
    assert_eq!(elements(&listed, "set", "svc_https"), 2);
    assert_eq!(elements(&listed, "set", "svc_my-app"), 1);
}

#[test]
fn the_map_of_all_services_is_loaded_and_loaded_again() {
    let Some(netns) = namespace_or_skips("the_map_of_all_services_is_loaded_and_loaded_again")
    else {
        return;
    };
    // Emulated, nftables takes a minute for all of it.
    let names: &[&str] = unless_slow(&[], &["https", "x11", "a*"]);
    let map = portclass_nft(&[&["--map"], names].concat());
    nft(&netns, &[], &map);
    nft(
        &netns,
        &[],
        &format!(
            "{}add rule inet portclass svc_https counter\n",
            chain("  meta mark and 0x0007ffff vmap @services")
        ),
    );
    let listed = list(&netns, &["maps"]);
    let entries = elements(&listed, "map", "services");
    assert_eq!(entries, map.matches(" : jump ").count());
    assert!(entries > 500, "{entries}");
    if names.is_empty() {
        assert_eq!(entries, 11_598 + 760);
    }
    // A chain keeps its rules.
    nft(&netns, &[], &map);
    let listed = list(&netns, &["table", "inet", "portclass"]);
    let objects = listed["nftables"].as_array().expect("objects").iter();
    let rules: HashSet<_> = objects
        .filter_map(|object| object["rule"]["chain"].as_str())
        .collect();
    assert_eq!(rules, HashSet::from(["arrives", "svc_https"]));
}

#[test]
fn a_registry_cannot_break_out_of_its_lines() {
    let Some(netns) = namespace_or_skips("a_registry_cannot_break_out_of_its_lines") else {
        return;
    };
    let mut registry = NamedTempFile::with_suffix(".csv").expect("a temporary file");
    let names = [
        "a\"\"; } add table inet evil #",
        "a\n}\nadd table inet evil",
        "a\\",
        "$a",
        "a\u{2028}add table inet evil",
        "-",
        "/",
        "a:",
        "\u{e9}t\u{e9}",
    ];
    for (port, name) in names.into_iter().enumerate() {
        writeln!(registry, "\"{name}\",{},tcp", port + 1).expect("room");
    }
    let path = registry.path().display().to_string();
    for form in [&[][..], &["--set"], &["--map"]] {
        let shown = portclass_nft(&[form, &["--registry", &path]].concat());
        assert_eq!(shown.matches("0x0001000").count(), names.len(), "{shown}");
        let with_rules: String = identifiers(&shown)
            .iter()
            .map(|name| format!("  meta mark $svc_{name} accept\n"))
            .collect();
        nft(&netns, &[], &format!("{shown}{}", chain(&with_rules)));
        let tables = list(&netns, &["tables"]);
        assert!(!tables.to_string().contains("evil"), "{tables}");
    }
}
