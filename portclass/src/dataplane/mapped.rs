//! BPF arrays whose memory user space shares (`BPF_F_MMAPABLE`, Linux 5.5): reading them costs no system call.

use std::{
    io,
    marker::PhantomData,
    ops::Range,
    os::fd::{AsFd as _, BorrowedFd},
    ptr::NonNull,
};

use aya::maps::MapData;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The shared memory of an array map with elements of type `T`, or of some of them in a row.
pub(super) struct Mapped<T> {
    first: NonNull<T>,
    elements: u32,
    /// Where the mapping starts, on a page, at the first element or before it.
    address: NonNull<u8>,
    bytes: usize,
    element: PhantomData<T>,
}

// SAFETY: the memory belongs to the map, not to a thread, and every access to it is volatile.
unsafe impl<T: Send> Send for Mapped<T> {}

impl<T: Copy> Mapped<T> {
    /// Maps all `elements` of the array `map`, whose elements are laid out as `T` is.
    pub(super) fn new(map: &MapData, elements: u32) -> io::Result<Self> {
        let info = map.info().map_err(io::Error::other)?;
        if info.value_size() as usize != size_of::<T>() || info.max_entries() != elements {
            return Err(io::Error::other("the array has another size"));
        }
        Self::part(map.fd().as_fd(), 0..elements)
    }

    /// Maps the elements of these positions of an array, which has them, laid out as `T` is. Element 0 of the mapping is
    /// the first of them.
    pub(super) fn part(array: BorrowedFd<'_>, positions: Range<u32>) -> io::Result<Self> {
        const {
            assert!(
                size_of::<T>().is_multiple_of(8),
                "arrays round their elements up to 8 bytes"
            )
        };
        let page = rustix::param::page_size();
        let [start, end] = [positions.start, positions.end].map(|at| at as usize * size_of::<T>());
        let within = start % page;
        let start = start - within;
        let bytes = (end - start).next_multiple_of(page);
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that is in use.
        let address = unsafe {
            mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                array,
                start as u64,
            )
        }?;
        let address = NonNull::new(address.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: it lies less than a page behind the start of the mapping, which ends after it.
        let first = unsafe { address.add(within) }.cast();
        Ok(Self {
            first,
            elements: positions.end - positions.start,
            address,
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

    /// All elements, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        // SAFETY: as above.
        (0..self.elements as usize).map(|index| unsafe { self.first.add(index).read_volatile() })
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
        // SAFETY: this is the mapping that `part` made, and nobody borrows from it.
        let unmapped = unsafe { munmap(self.address.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok());
    }
}
