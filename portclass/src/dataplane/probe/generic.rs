//! Generic netlink, as far as it takes to ask the family `netdev` what an interface's driver can do with XDP.

use std::{convert::Infallible, io};

use netlink_packet_core::{NLM_F_ACK, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable};
use netlink_sys::protocols::NETLINK_GENERIC;

use crate::dataplane::netlink::exchange;

/// A message: `struct genlmsghdr` and attributes (linux/genetlink.h), under the number of a family.
struct Message {
    family: u16,
    bytes: Vec<u8>,
}

impl Message {
    fn new(family: u16, command: u8, attribute: u16, value: &[u8]) -> Self {
        const VERSION: u8 = 1;
        let mut bytes = vec![command, VERSION, 0, 0];
        bytes.extend((value.len() as u16 + 4).to_ne_bytes());
        bytes.extend(attribute.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Self { family, bytes }
    }

    /// The value of its first attribute of that kind.
    fn attribute(&self, kind: u16) -> Option<&[u8]> {
        let mut rest = self.bytes.get(4..)?;
        while let Some((&[l0, l1, k0, k1], _)) = rest.split_first_chunk::<4>() {
            let length = usize::from(u16::from_ne_bytes([l0, l1]));
            let value = rest.get(4..length)?;
            if u16::from_ne_bytes([k0, k1]) == kind {
                return Some(value);
            }
            rest = rest.get(length.next_multiple_of(4)..)?;
        }
        None
    }
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        self.bytes.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.bytes);
    }
}

impl NetlinkDeserializable for Message {
    type Error = Infallible;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, Infallible> {
        Ok(Self {
            family: header.message_type,
            bytes: payload.to_vec(),
        })
    }
}

fn ask(request: Message) -> io::Result<Option<Message>> {
    let answers = exchange(NETLINK_GENERIC, request, NLM_F_ACK)?;
    Ok(answers.into_iter().next())
}

/// What the driver of the interface with this index can do with XDP: the `NETDEV_XDP_ACT_` bits of linux/netdev.h. `None`
/// where the kernel does not tell, as before Linux 6.3 (kernel commit d3d854fd6a1d).
pub(super) fn xdp_features(index: u32) -> Option<u64> {
    const CONTROLLER: u16 = 0x10;
    const GET_FAMILY: u8 = 3;
    const FAMILY_ID: u16 = 1;
    const FAMILY_NAME: u16 = 2;
    const GET_DEVICE: u8 = 1;
    const DEVICE_INDEX: u16 = 1;
    const DEVICE_XDP_FEATURES: u16 = 3;
    let family = Message::new(CONTROLLER, GET_FAMILY, FAMILY_NAME, b"netdev\0");
    let family = ask(family).ok()??;
    let family = u16::from_ne_bytes(family.attribute(FAMILY_ID)?.try_into().ok()?);
    let device = Message::new(family, GET_DEVICE, DEVICE_INDEX, &index.to_ne_bytes());
    let device = ask(device).ok()??;
    let features = device.attribute(DEVICE_XDP_FEATURES)?;
    Some(u64::from_ne_bytes(features.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn attributes_are_found_and_damage_ends_the_search() {
        let mut message = Message::new(16, 1, 2, b"netdev\0");
        assert_eq!(message.bytes.len() % 4, 0);
        assert_eq!(message.attribute(2), Some(&b"netdev\0"[..]));
        assert_eq!(message.attribute(3), None);
        message.bytes[4..6].copy_from_slice(&u16::MAX.to_ne_bytes());
        assert_eq!(message.attribute(2), None);
        message.bytes[4..6].copy_from_slice(&0_u16.to_ne_bytes());
        assert_eq!(message.attribute(2), None);
    }
}
