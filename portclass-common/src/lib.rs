//! What both sides of the kernel boundary agree on.
//!
//! The kernel program and user space compile this very crate, so a frame is parsed, labelled and counted by the
//! same source on both sides, and every constant, map name and layout is written once. It depends on `core` alone.
#![no_std]

pub mod counter;
pub mod label;
pub mod labelling;
pub mod memo;
pub mod names;
pub mod packet;
pub mod port;
pub mod settings;
pub mod tag;
pub mod transport;
