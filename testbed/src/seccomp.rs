//! Processes from which a system call is kept away.

use std::{io, os::unix::process::CommandExt as _, process::Command};

/// Makes the process find a kernel without `bpf(2)`: the call fails with ENOSYS.
pub fn without_bpf(command: &mut Command) {
    // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(keep_bpf_away) };
}

fn keep_bpf_away() -> io::Result<()> {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let instruction = |code, jt, k| libc::sock_filter { code, jt, jf: 0, k };
    let refusal = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    let mut filter = [
        instruction(LOAD_NUMBER, 0, 0),
        instruction(JUMP_IF_EQUAL, 1, libc::SYS_bpf as u32),
        instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW),
        instruction(RETURN, 0, refusal),
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
