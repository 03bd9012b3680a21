//! rtnetlink (RFC 3549): dumps, one request and all answers, and changes, one request and whether it was done.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// All answers to `request`, as the kernel gives them to whoever asks.
pub(super) fn dump(request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    exchange(NETLINK_ROUTE, request, NLM_F_DUMP)
}

/// The one answer to `request`, which asks for one thing.
pub(super) fn get(request: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
    let answers = exchange(NETLINK_ROUTE, request, NLM_F_ACK)?;
    answers
        .into_iter()
        .next()
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Has the kernel do what `request` says, which takes CAP_NET_ADMIN.
pub(super) fn change(request: RouteNetlinkMessage) -> io::Result<()> {
    exchange(NETLINK_ROUTE, request, NLM_F_ACK).map(|_| ())
}

/// All answers to `request` in a protocol of netlink, up to the end of a dump or an acknowledgement; `flag` asks for one
/// of the two.
pub(super) fn exchange<M>(protocol: isize, request: M, flag: u16) -> io::Result<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable,
{
    let mut socket = Socket::new(protocol)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flag;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut answers = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            match NetlinkMessage::<M>::deserialize(rest).map(|answer| answer.payload) {
                Ok(NetlinkPayload::InnerMessage(message)) => answers.push(message),
                Ok(NetlinkPayload::Done(_)) => return Ok(answers),
                // Without a code it is an acknowledgement.
                Ok(NetlinkPayload::Error(error)) if error.code.is_none() => return Ok(answers),
                Ok(NetlinkPayload::Error(error)) => return Err(error.to_io()),
                // One interface with a name that is no UTF-8 must not hide all the others.
                Ok(_) | Err(_) => {}
            }
            let length = rest
                .first_chunk()
                .map_or(0, |length| u32::from_ne_bytes(*length));
            let next = (length as usize).next_multiple_of(4).max(4);
            rest = rest.get(next..).unwrap_or_default();
        }
    }
}
