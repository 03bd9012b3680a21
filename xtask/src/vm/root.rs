//! The first file system of a machine, which is its only one.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use testbed::c;

use super::{archive::Archive, kernels::Kernel, programs::Programs};
use crate::workspace;

/// Modules of the kernel that tests ask for, or that belong to a machine's devices. Those that one does not have it has
/// inside, or lacks; tests say so.
const MODULES: &[&str] = &[
    "af_packet",
    "bonding",
    "bridge",
    "cls_bpf",
    "dccp",
    "dccp_ipv4",
    "dccp_ipv6",
    "8021q",
    "ip_gre",
    "macvlan",
    "nf_tables",
    "nft_ct",
    "nft_meta",
    "nft_counter",
    "sch_ingress",
    "sctp",
    "tun",
    "veth",
    "virtio_net",
    "virtio_pci",
    "vmxnet3",
    "wireguard",
];

/// Programs that tests call, or the kernel (`modprobe`).
const PROGRAMS: &[&str] = &[
    "bpftool", "cp", "ethtool", "ip", "modprobe", "mount", "nft", "nsenter", "prlimit", "setcap",
    "setpriv", "sh", "sleep", "sysctl", "tc", "umount", "unshare", "wg",
];

/// The first process's, without tests.
const FEW_PROGRAMS: &[&str] = &["ip", "modprobe"];

/// Programs in C that tests load.
const C_SOURCES: [&str; 2] = [
    "examples/tag_consumer.bpf.c",
    "portclass/tests/c/tag_writer.bpf.c",
];

/// Writes what a machine with this kernel needs for the task.
///
/// # Errors
///
/// Something is missing, or there is no room.
pub fn write(path: &Path, kernel: &Kernel, programs: &Programs, task: &str) -> Result<()> {
    write_into(path, kernel, programs, task)
        .with_context(|| format!("cannot write {}: is there room?", path.display()))
}

fn write_into(path: &Path, kernel: &Kernel, programs: &Programs, task: &str) -> Result<()> {
    let mut archive = Archive::create(path)?;
    archive.copy(&programs.init, Path::new("/init"))?;
    archive.copy(&programs.portclass, Path::new("/usr/bin/portclass"))?;
    for folder in ["/proc", "/sys", "/tmp", "/run", "/etc"] {
        archive.directory(Path::new(folder))?;
    }
    // Who is who, for programs that ask.
    archive.file(
        Path::new("/etc/passwd"),
        b"root:x:0:0::/:\nnobody:x:65534:65534::/:\n",
    )?;
    archive.file(Path::new("/etc/group"), b"root:x:0:\nnogroup:x:65534:\n")?;
    archive.file(Path::new("/task"), task.as_bytes())?;
    archive.link(Path::new("/sbin/modprobe"), "/usr/bin/modprobe")?;
    let tools = if programs.tests.is_empty() {
        FEW_PROGRAMS
    } else {
        PROGRAMS
    };
    for tool in tools {
        archive.program(tool)?;
    }
    if !programs.tests.is_empty() {
        // Tests know these by where they were built.
        archive.copy(&programs.portclass, &programs.portclass)?;
        for test in &programs.tests {
            archive.copy(test, test)?;
        }
        let registry = workspace::root().join("portclass/data/service-names-port-numbers.csv");
        archive.copy(&registry, &registry)?;
        for source in C_SOURCES {
            let source = workspace::root().join(source);
            let name = source.with_extension("o");
            let object = path.with_extension("o");
            c::compile_bpf(&source, &workspace::root().join("include"), &object)?;
            let inside = Path::new("/objects").join(name.file_name().unwrap_or_default());
            archive.copy(&object, &inside)?;
            fs::remove_file(object)?;
        }
    }
    let (folder, modules) = kernel.modules(MODULES)?;
    let inside = Path::new("/lib/modules").join(&kernel.release);
    let lists = [
        "modules.dep.bin",
        "modules.alias.bin",
        "modules.builtin.bin",
        "modules.softdep",
        "modules.symbols.bin",
        "modules.builtin.alias.bin",
        "modules.dep",
        "modules.alias",
        "modules.builtin",
    ];
    for file in modules
        .iter()
        .map(|module| module.as_path())
        .chain(lists.iter().map(Path::new))
    {
        let from = folder.join(file);
        if from.exists() {
            archive.copy(&from, &inside.join(file))?;
        }
    }
    archive.finish()?;
    Ok(())
}
