//! Namespaces, veth pairs, frames and senders, for tests, the demo and benches.
//!
//! Everything here lives in network namespaces without a name, so that nothing of it outlives the process, and no
//! interface of the host is ever touched.

pub mod bpf;
pub mod bpffs;
pub mod c;
pub mod capture;
pub mod card;
pub mod checksum;
pub mod fixture;
pub mod foreign;
pub mod frame;
pub mod ip;
pub mod kernel;
pub mod machine;
pub mod netns;
pub mod packet_socket;
pub mod privilege;
pub mod random;
pub mod seccomp;
pub mod segment;
pub mod stream;
pub mod tap;
pub mod test_run;
pub mod tool;
pub mod tun;
pub mod tunnel;
pub mod veth;
pub mod witness;
pub mod xdp;
