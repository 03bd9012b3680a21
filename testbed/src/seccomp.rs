//! Processes from which a system call is kept away.

use std::{io, os::unix::process::CommandExt as _, process::Command};

/// Where the call's number and the first word of its fourth argument stand in `struct seccomp_data`.
const NUMBER: u32 = 0;
const FOURTH_ARGUMENT: u32 = 16 + 3 * 8;

/// Makes the process find a kernel without `bpf(2)`: the call fails with ENOSYS.
pub fn without_bpf(command: &mut Command) {
    let calls = [(NUMBER, libc::SYS_bpf as u32); 2];
    // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(move || refuse(calls, libc::ENOSYS)) };
}

/// Keeps the process from mapping what others share: `mmap(2)` with the flag `MAP_SHARED` alone fails with EPERM.
pub fn without_shared_mappings(command: &mut Command) {
    let calls = [
        (NUMBER, libc::SYS_mmap as u32),
        (FOURTH_ARGUMENT, libc::MAP_SHARED as u32),
    ];
    // SAFETY: as above.
    unsafe { command.pre_exec(move || refuse(calls, libc::EPERM)) };
}

/// Has calls fail with `error` in which both words, by their offsets, have these values.
fn refuse(words: [(u32, u32); 2], error: i32) -> io::Result<()> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let instruction = |code, jf, k| libc::sock_filter { code, jt: 0, jf, k };
    let [(first, is_first), (second, is_second)] = words;
    let mut filter = [
        instruction(LOAD, 0, first),
        instruction(JUMP_IF_EQUAL, 3, is_first),
        instruction(LOAD, 0, second),
        instruction(JUMP_IF_EQUAL, 1, is_second),
        instruction(RETURN, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the program lives during the call.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
