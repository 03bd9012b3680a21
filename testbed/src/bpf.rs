//! `bpf(2)`, for what tests do to programs and maps from outside.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use anyhow::{Context as _, Result};

const BPF_OBJ_GET: libc::c_long = 7;
const BPF_MAP_FREEZE: libc::c_long = 22;

/// Calls `bpf(2)` with a part of `union bpf_attr` (linux/bpf.h) and gives back what it returns.
///
/// # Safety
///
/// The attributes are those of the command, and what they point to lives during the call.
pub(crate) unsafe fn call<T>(command: libc::c_long, attributes: &T) -> io::Result<i32> {
    // SAFETY: the caller vouches for the attributes; pointer and length are theirs.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result as i32)
}

/// Freezes a pinned map: from now on user space can read it and not write to it.
///
/// # Errors
///
/// There is no map at `path`, or it is mapped into somebody's memory.
pub fn freeze(path: &Path) -> Result<()> {
    #[repr(C)]
    struct ObjGet {
        pathname: u64,
        bpf_fd: u32,
        file_flags: u32,
    }
    let pathname = CString::new(path.as_os_str().as_bytes())?;
    let attributes = ObjGet {
        pathname: pathname.as_ptr() as u64,
        bpf_fd: 0,
        file_flags: 0,
    };
    // SAFETY: the path lives during the call.
    let map = unsafe { call(BPF_OBJ_GET, &attributes) }.context("cannot open the pinned map")?;
    // SAFETY: the kernel has just handed the descriptor over.
    let map = unsafe { OwnedFd::from_raw_fd(map) };
    // SAFETY: the attribute is a descriptor that is open.
    unsafe { call(BPF_MAP_FREEZE, &map.as_raw_fd()) }.context("cannot freeze the map")?;
    Ok(())
}
