//! What tshark says of each frame of a capture.

use std::{collections::HashMap, fs, path::Path, process::Command};

use portclass::account::protocol_name;

/// EtherTypes that reports tell apart, beside those of LLC and of tags.
pub const ETHER_TYPES: &[(u16, &str)] = &[
    (0x0806, "arp"),
    (0x8035, "rarp"),
    (0x0842, "wake-on-lan"),
    (0x22f3, "trill"),
    (0x4305, "batman-adv"),
    (0x8809, "slow"),
    (0x8847, "mpls"),
    (0x8848, "mpls"),
    (0x8863, "pppoe-discovery"),
    (0x888e, "eapol"),
    (0x8892, "profinet"),
    (0x88a2, "aoe"),
    (0x88a4, "ethercat"),
    (0x88b8, "goose"),
    (0x88ca, "tipc"),
    (0x88cc, "lldp"),
    (0x88e5, "macsec"),
    (0x88f5, "mvrp"),
    (0x88f7, "ptp"),
    (0x88fb, "prp"),
    (0x8902, "cfm"),
    (0x8906, "fcoe"),
    (0x8914, "fcoe"),
    (0x8915, "roce"),
    (0x892f, "hsr"),
    (0x9000, "loopback"),
];

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has ports.
    Ports {
        transport: String,
        source: u16,
        destination: u16,
    },
    /// It has none: the class, and the transport or the detail.
    Unlabelled { class: &'static str, detail: String },
}

const FIELDS: [&str; 24] = [
    "frame.protocols",
    "eth.type",
    "vlan.etype",
    "sll.etype",
    "pppoe.code",
    "ip.proto",
    "ip.frag_offset",
    "ipv6.nxt",
    "ipv6.hopopts.nxt",
    "ipv6.dstopts.nxt",
    "ipv6.routing.nxt",
    "ipv6.fraghdr.nxt",
    "ipv6.fraghdr.offset",
    "ah.next_header",
    "gre.proto",
    "udp.srcport",
    "udp.dstport",
    "tcp.srcport",
    "tcp.dstport",
    "dccp.srcport",
    "dccp.dstport",
    "sctp.srcport",
    "sctp.dstport",
    "_ws.malformed",
];

/// The fields of one frame, each with all values that it has, from the outermost header on.
pub struct Fields(HashMap<&'static str, Vec<String>>);

/// Asks tshark about every frame of a file, and lets it look at nothing but the frame.
pub fn ask(file: &Path, folder: &Path) -> Vec<Fields> {
    let settings = folder.join("settings");
    fs::create_dir_all(&settings).expect("a temporary folder");
    let mut tshark = Command::new("tshark");
    tshark.env("WIRESHARK_CONFIG_DIR", settings);
    tshark.arg("-n").arg("-r").arg(file);
    for setting in [
        "ip.defragment:FALSE",
        "ipv6.defragment:FALSE",
        "tcp.desegment_tcp_streams:FALSE",
        "tcp.try_heuristic_first:FALSE",
        "udp.try_heuristic_first:FALSE",
    ] {
        tshark.args(["-o", setting]);
    }
    tshark.args(["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]);
    for field in FIELDS {
        tshark.args(["-e", field]);
    }
    let output = tshark.output().expect("tshark starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(fields).collect()
}

fn fields(line: &str) -> Fields {
    let values = line.split('\t').map(|values| {
        let values = values.split(',').filter(|value| !value.is_empty());
        values.map(str::to_owned).collect()
    });
    let fields: HashMap<_, _> = FIELDS.into_iter().zip(values).collect();
    assert_eq!(fields.len(), FIELDS.len(), "{line}");
    Fields(fields)
}

impl Fields {
    /// The layers that tshark has found.
    pub fn path(&self) -> String {
        self.0["frame.protocols"].join(",")
    }

    fn number(&self, field: &str, position: usize) -> Option<u16> {
        let text = self.0[field].get(position)?;
        match text.strip_prefix("0x") {
            Some(digits) => u16::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }

    /// What the frame is, behind at most `depth` tunnels.
    pub fn said(&self, depth: usize) -> Said {
        let path = self.path();
        let walk = Walk {
            fields: self,
            layers: path.split(':').collect(),
            at: 0,
            met: HashMap::new(),
        };
        walk.finish(depth)
    }
}

/// A walk over the layers, from the outermost one on.
struct Walk<'a> {
    fields: &'a Fields,
    layers: Vec<&'a str>,
    at: usize,
    /// How often each layer was met.
    met: HashMap<&'a str, usize>,
}

const TRANSPORTS: [&str; 5] = ["tcp", "udp", "dccp", "sctp", "udplite"];

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let layer = *self.layers.get(self.at)?;
        self.at += 1;
        *self.met.entry(layer).or_default() += 1;
        Some(layer)
    }

    fn peek(&self) -> Option<&'a str> {
        self.layers.get(self.at).copied()
    }

    /// The number in the field of a layer that was met last.
    fn number(&self, layer: &str, field: &str) -> Option<u16> {
        self.fields.number(field, self.times(layer).checked_sub(1)?)
    }

    /// How often a layer was met.
    fn times(&self, layer: &str) -> usize {
        self.met.get(layer).copied().unwrap_or_default()
    }

    fn finish(mut self, mut depth: usize) -> Said {
        loop {
            if let Err(other) = self.find_packet() {
                return other;
            }
            let (protocol, is_later_fragment) = self.packet();
            if is_later_fragment {
                return unlabelled("fragment", &fragment_of(protocol));
            }
            let layer = match protocol {
                6 | 17 | 33 | 132 | 136 => self.next().expect("a transport"),
                _ => "",
            };
            let is_tunnel = match protocol {
                4 | 41 => true,
                47 => {
                    self.next();
                    matches!(
                        self.number("gre", "gre.proto"),
                        Some(0x0800 | 0x86dd | 0x6558)
                    )
                }
                17 => match self.peek() {
                    Some("vxlan" | "geneve" | "gre") => {
                        if depth > 0 {
                            self.next();
                        }
                        true
                    }
                    // VXLAN-GPE goes without a layer of its own.
                    Some("eth" | "ip" | "ipv6") => true,
                    _ => false,
                },
                _ => false,
            };
            if is_tunnel && depth > 0 {
                depth -= 1;
                continue;
            }
            if TRANSPORTS.contains(&layer) {
                let port = |side: &str| {
                    let (position, layer) = match layer {
                        // Its fields are those of UDP.
                        "udp" | "udplite" => (self.times("udp") + self.times("udplite"), "udp"),
                        layer => (self.times(layer), layer),
                    };
                    let field = format!("{layer}.{side}port");
                    self.fields.number(&field, position - 1).expect("a port")
                };
                return Said::Ports {
                    transport: layer.replace("udplite", "udp"),
                    source: port("src"),
                    destination: port("dst"),
                };
            }
            return unlabelled("protocol", &protocol_name(protocol as u8));
        }
    }

    /// Goes on to the next IP header, or says what there is instead.
    fn find_packet(&mut self) -> Result<(), Said> {
        let mut ether_type = None;
        loop {
            let known = match ether_type {
                None | Some(0x0800 | 0x86dd | 0x8100 | 0x88a8 | 0x9100 | 0x8864) => None,
                Some(other) => Some(other),
            };
            if let Some(other) = known {
                let mut names = ETHER_TYPES.iter();
                let name = names.find(|&&(number, _)| number == other);
                return Err(unlabelled("non-ip", name.map_or("other", |name| name.1)));
            }
            match self.peek() {
                Some("ip" | "ipv6") => return Ok(()),
                Some("llc") => return Err(unlabelled("non-ip", "llc")),
                None | Some("lcp" | "data") => return Err(unlabelled("non-ip", "ppp")),
                _ => {}
            }
            let layer = self.next().expect("a layer");
            let field = match layer {
                "eth" => "eth.type",
                "vlan" => "vlan.etype",
                "sll" => "sll.etype",
                _ => continue,
            };
            ether_type = self.number(layer, field);
        }
    }

    /// Reads an IP header with all that belongs to it: the protocol of its payload, and whether that starts earlier.
    fn packet(&mut self) -> (u16, bool) {
        let mut layer = self.next().expect("an IP header");
        let mut field = if layer == "ip" {
            "ip.proto"
        } else {
            "ipv6.nxt"
        };
        let mut offset = self
            .number("ip", "ip.frag_offset")
            .filter(|_| layer == "ip");
        loop {
            let protocol = self.number(layer, field).expect("a protocol");
            let header = match protocol {
                0 => "ipv6.hopopts",
                43 => "ipv6.routing",
                44 => "ipv6.fraghdr",
                60 => "ipv6.dstopts",
                51 => "ah",
                _ => return (protocol, offset.is_some_and(|offset| offset > 0)),
            };
            if offset.is_some_and(|offset| offset > 0) {
                return (protocol, true);
            }
            layer = self.next().expect("an extension header");
            assert_eq!(layer, header);
            field = match protocol {
                0 => "ipv6.hopopts.nxt",
                43 => "ipv6.routing.nxt",
                44 => "ipv6.fraghdr.nxt",
                60 => "ipv6.dstopts.nxt",
                _ => "ah.next_header",
            };
            if layer == "ipv6.fraghdr" {
                offset = self.number(layer, "ipv6.fraghdr.offset");
            }
        }
    }
}

fn unlabelled(class: &'static str, detail: &str) -> Said {
    Said::Unlabelled {
        class,
        detail: detail.to_owned(),
    }
}

fn fragment_of(protocol: u16) -> String {
    match protocol {
        136 => "udp".to_owned(),
        protocol => protocol_name(protocol as u8),
    }
}
