//! `portclass run` on real interfaces with real packets, in network namespaces of its own. Takes root.

mod live {
    mod attach;
    mod count;
    mod ends;
    mod layers;
    mod nft;
    mod pins;
    mod process;
    mod tag_consumer;
}
