//! Who holds a BPF program.

use std::{fs, io, path::Path};

/// Whether a process has the program open. Where this process may not look into another one, that one may.
pub(super) fn is_held(program: u32) -> bool {
    // Without /proc nobody can know.
    let Ok(processes) = fs::read_dir("/proc") else {
        return true;
    };
    processes
        .flatten()
        .filter(|process| {
            let name = process.file_name();
            name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
        })
        .any(|process| holds(&process.path(), program))
}

fn holds(process: &Path, program: u32) -> bool {
    let files = match fs::read_dir(process.join("fd")) {
        Ok(files) => files,
        // It has ended meanwhile.
        Err(error) => return error.kind() == io::ErrorKind::PermissionDenied,
    };
    let is_program = |file: &fs::DirEntry| {
        fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == "anon_inode:bpf-prog")
    };
    let wanted = program.to_string();
    files.flatten().filter(is_program).any(|file| {
        let information = process.join("fdinfo").join(file.file_name());
        fs::read_to_string(information).is_ok_and(|text| {
            text.lines()
                .filter_map(|line| line.strip_prefix("prog_id:"))
                .any(|id| id.trim() == wanted)
        })
    })
}
