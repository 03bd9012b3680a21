//! Checksums of the transports: the Internet's and SCTP's.

use crate::ip::Hosts;

/// The Internet checksum (RFC 1071) of some bytes, ready to be written big-endian.
pub fn internet(bytes: &[u8]) -> u16 {
    !fold(sum(bytes))
}

/// The checksum of a transport's `segment` with the pseudo-header of its IP packet (RFC 9293, RFC 8200 section 8.1),
/// ready to be written big-endian; 0, which means "none" in UDP, is given as `0xffff`.
pub fn with_pseudo_header(hosts: &Hosts, protocol: u8, segment: &[u8]) -> u16 {
    let addresses = [hosts.source_octets(), hosts.destination_octets()].concat();
    let length = u32::try_from(segment.len()).expect("a segment fits in a packet");
    let pseudo_header = sum(&addresses) + sum(&length.to_be_bytes()) + u32::from(protocol);
    match !fold(pseudo_header + sum(segment)) {
        0 => u16::MAX,
        checksum => checksum,
    }
}

/// CRC-32C as SCTP has it (RFC 9260 appendix A), ready to be written little-endian.
pub fn crc32c(bytes: &[u8]) -> u32 {
    const CASTAGNOLI_REVERSED: u32 = 0x82f6_3b78;
    let mut remainder = u32::MAX;
    for byte in bytes {
        remainder ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = if remainder & 1 == 1 {
                CASTAGNOLI_REVERSED
            } else {
                0
            };
            remainder = (remainder >> 1) ^ carry;
        }
    }
    !remainder
}

fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or_default();
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    words.sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > u32::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::{crc32c, internet};

    #[test]
    fn the_example_of_rfc_1071_gives_its_sum() {
        assert_eq!(
            internet(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2
        );
    }

    #[test]
    fn the_check_value_of_crc_32c_is_met() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
