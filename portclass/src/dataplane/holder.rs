//! Who holds a BPF program.

use std::{fs, io, path::Path};

use rustix::{
    io::Errno,
    thread::{CapabilitySet, capabilities},
};

/// Whether a process has a program open, as far as this process can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// One has.
    Yes,
    /// None has.
    No,
    /// One that this process cannot look into may have.
    Unknown,
}

pub(super) fn held(program: u32) -> Held {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Held::Unknown;
    };
    let mut sees_all = sees_all_processes();
    for process in processes {
        let Ok(process) = process else {
            sees_all = false;
            continue;
        };
        let name = process.file_name();
        if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        match unless_gone(holds(&process.path(), program)) {
            Ok(Some(true)) => return Held::Yes,
            Ok(_) => {}
            // Init is no portclass, and some systems let not even root look into it.
            Err(_) if name == "1" => {}
            Err(_) => sees_all = false,
        }
    }
    if sees_all { Held::No } else { Held::Unknown }
}

/// Whether /proc lists every process of this machine.
fn sees_all_processes() -> bool {
    /// `PROC_PID_INIT_INO` (linux/proc_ns.h).
    const INITIAL_NAMESPACE: &str = "pid:[4026531836]";
    let is_initial =
        fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == INITIAL_NAMESPACE);
    let may_look_into_all =
        || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_PTRACE));
    let hides =
        || fs::read_to_string("/proc/self/mountinfo").map_or(true, |mounts| hides_others(&mounts));
    is_initial && (may_look_into_all() || !hides())
}

/// Whether /proc is mounted so that it hides the processes of others (proc(5), `hidepid`).
fn hides_others(mounts: &str) -> bool {
    const MOUNT_POINT: usize = 4;
    mounts
        .lines()
        .filter(|mount| mount.split(' ').nth(MOUNT_POINT) == Some("/proc"))
        .filter_map(|mount| mount.rsplit(' ').next())
        .flat_map(|options| options.split(','))
        .filter_map(|option| option.strip_prefix("hidepid="))
        .any(|value| !matches!(value, "0" | "off"))
}

fn holds(process: &Path, program: u32) -> io::Result<bool> {
    let wanted = program.to_string();
    for file in fs::read_dir(process.join("fd"))? {
        let file = file?;
        let Some(target) = unless_gone(fs::read_link(file.path()))? else {
            continue;
        };
        if target.as_os_str() != "anon_inode:bpf-prog" {
            continue;
        }
        let information = process.join("fdinfo").join(file.file_name());
        let text = unless_gone(fs::read_to_string(information))?.unwrap_or_default();
        let mut ids = text
            .lines()
            .filter_map(|line| line.strip_prefix("prog_id:"));
        if ids.any(|id| id.trim() == wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `None` for a process that has ended meanwhile, or a file that it has closed.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::SRCH) => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::hides_others;

    #[test]
    fn a_proc_that_hides_processes_is_known() {
        let mounted = |options: &str| {
            format!(
                "21 1 0:20 / /sys rw - sysfs sysfs rw,hidepid=2\n\
                 22 1 0:21 / /proc rw,relatime shared:5 - proc proc {options}\n"
            )
        };
        for options in ["rw", "rw,hidepid=0", "rw,hidepid=off", "rw,gid=4"] {
            assert!(!hides_others(&mounted(options)), "{options}");
        }
        for options in [
            "rw,hidepid=2",
            "rw,gid=4,hidepid=invisible",
            "rw,hidepid=ptraceable",
        ] {
            assert!(hides_others(&mounted(options)), "{options}");
        }
    }
}
