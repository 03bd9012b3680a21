//! What a first process finds undone.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::symlink,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result};
use rustix::{
    mount::{MountFlags, mount},
    net::{AddressFamily, SocketType, socket},
    process::{Resource, Rlimit, setrlimit},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};

/// Where programs find others.
const SEARCH_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// File systems: their kind, and where they belong.
const MOUNTS: [(&str, &str); 6] = [
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("securityfs", "/sys/kernel/security"),
    ("bpf", "/sys/fs/bpf"),
];

/// Links in /dev that programs expect.
const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Lets programs lock as much memory as they like: maps count as such before Linux 5.11, for longer than they live.
pub fn lift_limits() -> Result<()> {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    setrlimit(Resource::Memlock, unlimited).context("cannot lift the limit on locked memory")
}

/// Mounts what programs expect.
pub fn mount_all() -> Result<()> {
    for (kind, place) in MOUNTS {
        // The folders of the first ones have to be there; those inside of /sys come with it.
        let _ = fs::create_dir_all(place);
        mount(kind, place, kind, MountFlags::empty(), None)
            .with_context(|| format!("cannot mount {place}"))?;
    }
    for (name, to) in LINKS {
        symlink(to, Path::new("/dev").join(name)).context("/dev")?;
    }
    Ok(())
}

/// Standard input is nothing, standard output the second serial line, standard error the third.
pub fn take_serial_lines() -> Result<()> {
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(serial_line("/dev/ttyS1")?)?;
    dup2_stderr(serial_line("/dev/ttyS2")?)?;
    Ok(())
}

/// A serial line that passes every byte as it is.
fn serial_line(path: &str) -> Result<File> {
    let line = OpenOptions::new().read(true).write(true).open(path);
    let line = line.with_context(|| format!("no serial line {path}"))?;
    let mut attributes = tcgetattr(&line)?;
    attributes.make_raw();
    tcsetattr(&line, OptionalActions::Now, &attributes)?;
    Ok(line)
}

/// Loads the drivers of devices, which nobody else does here, and DCCP, which Debian's kernels do not load by themselves; all
/// else they do, by `/sbin/modprobe`.
pub fn load_drivers() {
    for driver in ["virtio_pci", "virtio_net", "vmxnet3", "tun", "dccp_ipv4"] {
        // It may be part of the kernel.
        let _ = Command::new("modprobe")
            .args(["--quiet", driver])
            .env("PATH", SEARCH_PATH)
            .status();
    }
}

/// The loopback interface comes up as in every running system.
pub fn bring_loopback_up() -> Result<()> {
    // SAFETY: no other thread is there yet.
    unsafe { std::env::set_var("PATH", SEARCH_PATH) };
    let status = Command::new("ip")
        .args(["link", "set", "dev", "lo", "up"])
        .status()
        .context("cannot start ip")?;
    anyhow::ensure!(status.success(), "ip: {status}");
    // The kernel's own modules for sockets are loaded once somebody asks.
    drop(socket(AddressFamily::PACKET, SocketType::RAW, None));
    Ok(())
}
