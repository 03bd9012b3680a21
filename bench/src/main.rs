//! What portclass costs, measured.

fn main() {}
