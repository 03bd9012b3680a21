//! BPF arrays whose memory user space shares (`BPF_F_MMAPABLE`, Linux 5.5): reading them costs no system call.

use std::{io, marker::PhantomData, ptr::NonNull};

use aya::maps::MapData;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The shared memory of an array map with elements of type `T`.
pub(super) struct Mapped<T> {
    first: NonNull<T>,
    elements: u32,
    bytes: usize,
    element: PhantomData<T>,
}

// SAFETY: the memory belongs to the map, not to a thread, and every access to it is volatile.
unsafe impl<T: Send> Send for Mapped<T> {}

impl<T: Copy> Mapped<T> {
    /// Maps all `elements` of the array `map`, whose elements are laid out as `T` is.
    pub(super) fn new(map: &MapData, elements: u32) -> io::Result<Self> {
        const {
            assert!(
                size_of::<T>().is_multiple_of(8),
                "arrays round their elements up to 8 bytes"
            )
        };
        let info = map.info().map_err(io::Error::other)?;
        if info.value_size() as usize != size_of::<T>() || info.max_entries() != elements {
            return Err(io::Error::other("the array has another size"));
        }
        let page = rustix::param::page_size();
        let bytes = (elements as usize * size_of::<T>()).next_multiple_of(page);
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that is in use.
        let address = unsafe {
            mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map.fd(),
                0,
            )
        }?;
        let first = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            first,
            elements,
            bytes,
            element: PhantomData,
        })
    }

    /// Number of elements.
    pub(super) fn len(&self) -> u32 {
        self.elements
    }

    /// The element at `index`, which is below [`Mapped::len`].
    pub(super) fn get(&self, index: u32) -> T {
        assert!(index < self.elements);
        // SAFETY: the index lies inside the mapping; the kernel writes elements while we read, and a volatile read
        // takes whatever stands there.
        unsafe { self.first.add(index as usize).read_volatile() }
    }

    /// Replaces the element at `index`, which is below [`Mapped::len`].
    pub(super) fn set(&mut self, index: u32, element: T) {
        assert!(index < self.elements);
        // SAFETY: the index lies inside the mapping.
        unsafe { self.first.add(index as usize).write_volatile(element) };
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `new` made, and nobody borrows from it.
        let unmapped = unsafe { munmap(self.first.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok());
    }
}
