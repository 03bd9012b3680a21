//! Ethernet frames: small functions, each putting one header in front of a payload.

/// The Ethernet address of a testbed's client.
pub const CLIENT_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
/// The Ethernet address of a testbed's server.
pub const SERVER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

/// EtherTypes (IEEE 802 Numbers, IANA).
pub mod ether_type {
    /// RFC 894.
    pub const IPV4: u16 = 0x0800;
    /// RFC 826.
    pub const ARP: u16 = 0x0806;
    /// Transparent Ethernet Bridging, RFC 1701: an Ethernet frame, in tunnels.
    pub const ETHERNET_BRIDGING: u16 = 0x6558;
    /// IEEE 802.1Q.
    pub const VLAN: u16 = 0x8100;
    /// RFC 2464.
    pub const IPV6: u16 = 0x86dd;
    /// RFC 3032, unicast.
    pub const MPLS: u16 = 0x8847;
    /// RFC 2516.
    pub const PPPOE_DISCOVERY: u16 = 0x8863;
    /// RFC 2516.
    pub const PPPOE_SESSION: u16 = 0x8864;
    /// IEEE 802.1X.
    pub const EAPOL: u16 = 0x888e;
    /// IEEE 802.1ad.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// IEEE 802.1AB.
    pub const LLDP: u16 = 0x88cc;
    /// Service tags before IEEE 802.1ad.
    pub const OLD_SERVICE_VLAN: u16 = 0x9100;
}

/// PPP protocol numbers (IANA).
pub mod ppp {
    /// RFC 1332.
    pub const IPV4: u16 = 0x0021;
    /// RFC 5072.
    pub const IPV6: u16 = 0x0057;
    /// The Link Control Protocol, RFC 1661.
    pub const LCP: u16 = 0xc021;
}

/// An Ethernet II frame from the client to the server, neither padded nor with an FCS.
pub fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    tagged(&[], ether_type, payload)
}

/// An Ethernet frame with VLAN tags, outermost first, each given by its tag protocol identifier; the VLANs are
/// numbered 100, 101 and so on.
pub fn tagged(tag_protocols: &[u16], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [SERVER_MAC, CLIENT_MAC].concat();
    for (tag_protocol, vlan) in tag_protocols.iter().zip(100u16..) {
        frame.extend(tag_protocol.to_be_bytes());
        frame.extend(vlan.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The frame, padded with zeros to the 60 bytes that Ethernet asks for (FCS not counted).
pub fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(frame.len().max(60), 0);
    frame
}

/// An 802.3 frame: a length field, and an LLC header as spanning tree has it.
pub fn llc(payload: &[u8]) -> Vec<u8> {
    let packet = [&[0x42, 0x42, 0x03], payload].concat();
    let length = u16::try_from(packet.len()).expect("an 802.3 frame holds 1,500 bytes");
    ethernet(length, &packet)
}

/// A PPPoE session packet (RFC 2516 section 4) of session 1.
pub fn pppoe(protocol: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).expect("a PPPoE packet holds 65,535 bytes");
    let mut packet = vec![0x11, 0x00, 0x00, 0x01];
    packet.extend(length.to_be_bytes());
    packet.extend(protocol.to_be_bytes());
    packet.extend(payload);
    packet
}

/// An ARP request of the client's for the server's IPv4 address.
pub fn arp_request() -> Vec<u8> {
    let mut packet = vec![0, 1, 0x08, 0x00, 6, 4, 0, 1];
    packet.extend(CLIENT_MAC);
    packet.extend([10, 0, 0, 1]);
    packet.extend([0; 6]);
    packet.extend([10, 0, 0, 2]);
    ethernet(ether_type::ARP, &packet)
}
