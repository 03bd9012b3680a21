//! `portclass run` and `portclass top` on real interfaces with real packets, in network namespaces of its own. Takes root.

mod live {
    mod attach;
    mod browser;
    mod cards;
    mod clients;
    mod count;
    mod doctor;
    mod doctor_stacked;
    mod egress;
    mod ends;
    mod flood;
    mod http;
    mod interfaces;
    mod ip_link;
    mod layers;
    mod marks;
    mod metrics;
    mod nft;
    mod page;
    mod pins;
    mod privileges;
    mod process;
    mod prometheus;
    mod qdisc;
    mod reload;
    mod reload_flood;
    mod reload_pinned;
    mod remedies;
    mod sockets;
    mod stacked;
    mod tag_consumer;
    mod tmux;
    mod top;
    mod wireguard;
}
