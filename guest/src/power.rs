//! Switching the machine off.

use rustix::system::{RebootCommand, reboot};

/// The port of QEMU's `isa-debug-exit`, which ends the machine with the status `2 * value + 1`.
const DEBUG_EXIT: u16 = 0xf4;
/// What stands for status 0: QEMU then ends with 33, which it does by itself for no reason.
const SUCCESS: i32 = 0x10;

/// Ends the machine, and says the status of its task.
pub fn off(status: i32) -> ! {
    // What is still on its way through a serial line would be lost.
    for line in ["/dev/ttyS1", "/dev/ttyS2"] {
        if let Ok(line) = std::fs::File::open(line) {
            let _ = rustix::termios::tcdrain(line);
        }
    }
    // A larger one, as of a signal, has no room.
    let value = u8::try_from(SUCCESS + status)
        .ok()
        .filter(|&value| value < 0x80);
    exit(value.unwrap_or(0x7f));
    let _ = reboot(RebootCommand::PowerOff);
    panic!("the machine is still on");
}

#[cfg(target_arch = "x86_64")]
fn exit(value: u8) {
    // SAFETY: asks for one port, which this machine has for this purpose.
    if unsafe { libc::ioperm(DEBUG_EXIT.into(), 1, 1) } == 0 {
        // SAFETY: this process may write to the port since the call above, and writing ends the machine.
        unsafe { std::arch::asm!("out dx, al", in("dx") DEBUG_EXIT, in("al") value) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn exit(_value: u8) {}
