//! What the published crate carries: without the registry and the kernel object it would not build.

use std::process::Command;

#[test]
fn the_crate_carries_the_registry_and_the_kernel_object() {
    let output = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for file in [
        "bpf/portclass.bpf.o",
        "bpf/portclass.bpf.txt",
        "data/preferred-names.csv",
        "data/service-names-port-numbers.csv",
    ] {
        assert!(
            list.lines().any(|line| line == file),
            "{file} is not in:\n{list}"
        );
    }
}
