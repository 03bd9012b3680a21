//! Lines of the kernel side's log, which knows numbers alone, with names.

use portclass::{account::protocol_name, dataplane::Interface};

/// `interface 2, direction 0: dynamic, protocol 17, port 60000, ...` as `eth0: dynamic, udp, port 60000, ...`; direction 1,
/// what leaves, as `eth0 egress: ...`.
pub fn with_names(line: &str, interfaces: &[Interface]) -> String {
    let Some((index, what)) = line
        .strip_prefix("interface ")
        .and_then(|line| line.split_once(": "))
    else {
        return line.to_owned();
    };
    let Some((index, direction)) = index.split_once(", direction ") else {
        return line.to_owned();
    };
    let egress = if direction == "1" { " egress" } else { "" };
    let known = interfaces
        .iter()
        .find(|interface| interface.index.to_string() == index);
    let interface = known.map_or(index, |interface| &interface.name);
    let words = what.split(", ").map(|part| {
        let number = part.strip_prefix("protocol ");
        number
            .and_then(|number| number.parse().ok())
            .map_or_else(|| part.to_owned(), protocol_name)
    });
    format!(
        "{interface}{egress}: {}",
        words.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use portclass::dataplane::Interface;

    use super::with_names;

    #[test]
    fn interfaces_and_protocols_go_by_their_names() {
        let eth0 = Interface {
            index: 2,
            name: "eth0".to_owned(),
            is_up: true,
            link: Some(portclass_common::packet::Link::Ethernet),
            lower: None,
            is_tunnel: false,
            controller: None,
            mtu: 1_500,
            xdp: None,
        };
        let named = |line| with_names(line, std::slice::from_ref(&eth0));
        assert_eq!(
            named("interface 2, direction 0: dynamic, protocol 17, port 60000, from port 443"),
            "eth0: dynamic, udp, port 60000, from port 443"
        );
        assert_eq!(
            named("interface 2, direction 1: no ports, protocol 58"),
            "eth0 egress: no ports, ipv6-icmp"
        );
        assert_eq!(named("interface 3, direction 0: non-ip"), "3: non-ip");
        assert_eq!(named("anything else"), "anything else");
    }
}
