//! Where the parser reads a frame's bytes from, and the parts of it that are functions of their own.

mod copied;
mod direct;

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    helpers::{bpf_skb_load_bytes, bpf_xdp_get_buff_len, bpf_xdp_load_bytes},
};
use portclass_common::packet::{Apart, apart};

pub use self::{copied::Copied, direct::Direct};

/// What the kernel hands a program.
pub trait Context {
    /// Its fields `data` and `data_end`.
    fn range(ctx: *mut Self) -> (*const u32, *const u32);

    /// Bytes of the whole frame.
    ///
    /// # Safety
    ///
    /// The kernel has handed the context over.
    unsafe fn length(ctx: *mut Self) -> u64;

    /// Copies `N` bytes from `offset` on. `false` where the frame does not have them.
    ///
    /// # Safety
    ///
    /// The kernel has handed the context over, and there is room for `N` bytes, whatever they are.
    unsafe fn copy<const N: usize>(ctx: *mut Self, offset: u32, to: *mut [u8; N]) -> bool;

    /// Calls [`apart::extensions`] on what can be read directly.
    fn extensions(ctx: *mut Self, state: u64) -> u64;

    /// Calls [`apart::tunnel`] on what can be read directly.
    fn tunnel(ctx: *mut Self, state: u64) -> u64;

    /// Calls [`apart::extensions`] on copies.
    fn extensions_copied(ctx: *mut Self, state: u64) -> u64;

    /// Calls [`apart::tunnel`] on copies.
    fn tunnel_copied(ctx: *mut Self, state: u64) -> u64;
}

/// The parser's parts as global functions, each of which the verifier follows once (Linux 5.6), and the trait that calls
/// them. Parameters and results are plain, for the sake of the object's type information.
macro_rules! context {
    ($context:ty, $extensions:ident, $tunnel:ident, $extensions_copied:ident, $tunnel_copied:ident, { $($own:tt)* }) => {
        impl Context for $context {
            #[inline(always)]
            fn range(ctx: *mut Self) -> (*const u32, *const u32) {
                // SAFETY: no field is read.
                unsafe { (&raw const (*ctx).data, &raw const (*ctx).data_end) }
            }

            $($own)*

            #[inline(always)]
            fn extensions(ctx: *mut Self, state: u64) -> u64 {
                $extensions(ctx, state)
            }

            #[inline(always)]
            fn tunnel(ctx: *mut Self, state: u64) -> u64 {
                $tunnel(ctx, state)
            }

            #[inline(always)]
            fn extensions_copied(ctx: *mut Self, state: u64) -> u64 {
                $extensions_copied(ctx, state)
            }

            #[inline(always)]
            fn tunnel_copied(ctx: *mut Self, state: u64) -> u64 {
                $tunnel_copied(ctx, state)
            }
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $extensions(ctx: *mut $context, state: u64) -> u64 {
            // SAFETY: the callers pass the context on that the kernel has handed over.
            apart::extensions(&mut unsafe { Direct::new(ctx, false) }, Apart(state)).0
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $tunnel(ctx: *mut $context, state: u64) -> u64 {
            // SAFETY: the callers pass the context on that the kernel has handed over.
            apart::tunnel(&mut unsafe { Direct::new(ctx, false) }, Apart(state)).0
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $extensions_copied(ctx: *mut $context, state: u64) -> u64 {
            // SAFETY: the callers pass the context on that the kernel has handed over.
            apart::extensions(&mut unsafe { Copied::new(ctx) }, Apart(state)).0
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $tunnel_copied(ctx: *mut $context, state: u64) -> u64 {
            // SAFETY: the callers pass the context on that the kernel has handed over.
            apart::tunnel(&mut unsafe { Copied::new(ctx) }, Apart(state)).0
        }
    };
}

context!(
    xdp_md,
    xdp_extensions,
    xdp_tunnel,
    xdp_extensions_copied,
    xdp_tunnel_copied,
    {
        #[inline(always)]
        unsafe fn length(ctx: *mut Self) -> u64 {
            // SAFETY: the caller vouches for the context.
            unsafe { bpf_xdp_get_buff_len(ctx) }
        }

        #[inline(always)]
        unsafe fn copy<const N: usize>(ctx: *mut Self, offset: u32, to: *mut [u8; N]) -> bool {
            // SAFETY: the caller vouches for the context; the helper writes N bytes to where there are as many.
            unsafe { bpf_xdp_load_bytes(ctx, offset, to.cast(), N as u32) == 0 }
        }
    }
);

context!(
    __sk_buff,
    tc_extensions,
    tc_tunnel,
    tc_extensions_copied,
    tc_tunnel_copied,
    {
        #[inline(always)]
        unsafe fn length(ctx: *mut Self) -> u64 {
            // SAFETY: the caller vouches for the context.
            u64::from(unsafe { (*ctx).len })
        }

        #[inline(always)]
        unsafe fn copy<const N: usize>(ctx: *mut Self, offset: u32, to: *mut [u8; N]) -> bool {
            // SAFETY: the caller vouches for the context; the helper writes N bytes to where there are as many.
            unsafe { bpf_skb_load_bytes(ctx.cast(), offset, to.cast(), N as u32) == 0 }
        }
    }
);
