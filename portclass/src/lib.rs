//! portclass labels live traffic with its registered service.
//!
//! Data flows one way: [`registry`] -> [`dataplane`] -> [`account`] -> [`report`]; the binary's commands string them together. [`capture`] reads
//! frames from files, and [`host`] does with them what the kernel side does.
//! A port number says what is registered, not what the traffic is (RFC 6335 section 7.2, RFC 7605 section 5).

pub mod account;
pub mod capture;
pub mod dataplane;
pub mod doctor;
pub mod host;
pub mod registry;
pub mod report;
pub mod text;
