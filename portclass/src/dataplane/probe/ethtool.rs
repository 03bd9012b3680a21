//! What a driver says of an interface, by `SIOCETHTOOL`: sysfs may show another namespace than the process is in.

use std::ffi::c_void;

use rustix::{
    ioctl::{Ioctl, IoctlOutput, Opcode, ioctl},
    net::{AddressFamily, SocketType, socket},
};

/// The queues of an interface (`struct ethtool_channels` in linux/ethtool.h), of which receiving uses those for it and
/// the combined ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Those in use for both directions.
    pub combined: u32,
    /// As many as there may be for both directions.
    pub max_combined: u32,
}

/// A driver's name, and where the device sits on its bus, such as `0000:00:03.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Driver {
    pub(super) name: String,
    pub(super) bus: String,
}

/// The driver of the interface with this name.
pub(super) fn driver(interface: &str) -> Option<Driver> {
    const GET_DRIVER_INFO: u32 = 3;
    // `struct ethtool_drvinfo`: command, driver, version, firmware, bus, ROM, 12 bytes unused, five numbers.
    let mut info = [0_u32; 49];
    info[0] = GET_DRIVER_INFO;
    let info = call(interface, info)?;
    let bytes: Vec<u8> = info.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let text = |at: usize| {
        let field = &bytes[at..at + 32];
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(32);
        crate::text::one_line(&String::from_utf8_lossy(&field[..end]))
    };
    Some(Driver {
        name: text(4),
        bus: text(100),
    })
}

/// The queues of the interface with this name; `None` where its driver does not tell.
pub(super) fn channels(interface: &str) -> Option<Channels> {
    const GET_CHANNELS: u32 = 0x3c;
    // `struct ethtool_channels`: command, four maxima, four counts, each for rx, tx, other, combined.
    let mut channels = [0_u32; 9];
    channels[0] = GET_CHANNELS;
    let [_, _, _, _, max_combined, _, _, _, combined] = call(interface, channels)?;
    Some(Channels {
        combined,
        max_combined,
    })
}

/// `struct ifreq` with a pointer (linux/if.h).
#[repr(C)]
struct Request {
    name: [u8; 16],
    data: *mut c_void,
    /// The union's longest member, `struct ifmap`, has 24 bytes.
    rest: [u8; 24 - size_of::<*mut c_void>()],
}

/// Asks for what `data`'s first word says, and gives back what the driver has written.
fn call<const N: usize>(interface: &str, mut data: [u32; N]) -> Option<[u32; N]> {
    let mut name = [0; 16];
    // The last byte ends the name.
    name[..15]
        .get_mut(..interface.len())?
        .copy_from_slice(interface.as_bytes());
    // Any kind of socket will do, and this one is in every kernel.
    let socket = socket(AddressFamily::UNIX, SocketType::DGRAM, None).ok()?;
    let request = Request {
        name,
        data: data.as_mut_ptr().cast(),
        rest: [0; _],
    };
    // SAFETY: `data` has the layout of what its first word asks for, and outlives the call.
    unsafe { ioctl(socket, Call(request)) }.ok()?;
    Some(data)
}

struct Call(Request);

// SAFETY: SIOCETHTOOL takes a `struct ifreq`, which is what the pointer leads to.
unsafe impl Ioctl for Call {
    type Output = ();

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        const SIOCETHTOOL: Opcode = 0x8946;
        SIOCETHTOOL
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(&mut self.0).cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}
