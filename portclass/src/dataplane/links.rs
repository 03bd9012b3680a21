//! BPF links of this process, as the kernel describes its descriptors (proc_pid_fdinfo(5)): that takes no privilege.

use std::{fs, io};

/// How many of the links of these programs are attached to the interface with that index. A link that somebody has detached,
/// or whose interface has gone, names interface 0.
///
/// # Errors
///
/// There is no `/proc`; or, before Linux 5.14, the program has capabilities of its file, and the folder is root's.
pub(super) fn attached(programs: &[u32], index: u32) -> io::Result<usize> {
    let mut count = 0;
    for descriptor in fs::read_dir("/proc/self/fdinfo")? {
        match fs::read_to_string(descriptor?.path()) {
            Ok(text) => count += usize::from(is_on(&text, programs, index)),
            // It was that of the folder, or of a report that has just been written.
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why),
        }
    }
    Ok(count)
}

fn is_on(text: &str, programs: &[u32], index: u32) -> bool {
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let number = |name| field(name).and_then(|value| value.parse::<u32>().ok());
    field("link_type").is_some()
        && number("prog_id").is_some_and(|id| programs.contains(&id))
        && number("ifindex") == Some(index)
}

#[cfg(test)]
mod tests {
    use super::is_on;

    const LINK: &str = "pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t2087\nlink_type:\ttcx\nlink_id:\t9\n\
                        prog_tag:\tb06ca15ff10c1dc4\nprog_id:\t71\nifindex:\t3\nattach_type:\ttcx_egress (47)\n";

    #[test]
    fn a_link_is_that_of_its_program_and_on_its_interface() {
        assert!(is_on(LINK, &[70, 71], 3));
        assert!(!is_on(LINK, &[70], 3));
        assert!(!is_on(LINK, &[71], 4));
    }

    #[test]
    fn a_link_that_was_detached_is_on_no_interface() {
        assert!(!is_on(
            &LINK.replace("ifindex:\t3", "ifindex:\t0"),
            &[71],
            3
        ));
    }

    #[test]
    fn a_program_is_no_link() {
        assert!(!is_on(
            "prog_type:\t6\nprog_id:\t71\nifindex:\t3\n",
            &[71],
            3
        ));
    }
}
