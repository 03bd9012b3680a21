//! Says which kernel object is embedded: the one that is checked in, or the one that `PORTCLASS_OBJECT` names, so
//! that the tests can run against an object that was built this minute.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=PORTCLASS_OBJECT");
    let object = env::var_os("PORTCLASS_OBJECT").map_or_else(
        || {
            PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
                .join("bpf/portclass.bpf.o")
        },
        PathBuf::from,
    );
    println!("cargo::rerun-if-changed={}", object.display());
    println!(
        "cargo::rustc-env=PORTCLASS_OBJECT_PATH={}",
        object.display()
    );
}
