//! `include/portclass_tag.h`: it says what the sources say, in C and in C++.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use portclass_common::{
    label::Class,
    tag::{MarkMask, TAG_VERSION, Tag, mark},
    transport::Transport,
};
use tempfile::TempDir;
use testbed::{c, tool::is_there_or_skips};

fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../include")
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What `tests/c/print_tag.c` has to print.
fn expected() -> String {
    let mut text = format!(
        "version {TAG_VERSION}, {} classes, {} bytes, port at 4\n",
        Class::ALL.len(),
        size_of::<Tag>()
    );
    for class in Class::ALL {
        let name = class.name().to_uppercase().replace('-', "_");
        writeln!(text, "class {name} {}", class as u8).expect("room");
    }
    for port in [0, 443, 65_535] {
        for transport in Transport::ALL {
            let value = mark(transport, port);
            for bits in [0x0007_ffff, 0xffff_e000, 0xffff_fff0, 0xffff_ffff] {
                let placed = MarkMask::new(bits).expect("a mask").place(value);
                writeln!(
                    text,
                    "mark {value:#010x} in {bits:#010x} is {placed:#010x}, back {} {port}",
                    transport.index() + 1
                )
                .expect("room");
            }
        }
    }
    for (class, protocol, port) in [
        (Class::Labelled, 6, 443_u16),
        (Class::Labelled, 17, 53),
        (Class::Labelled, 136, 53),
        (Class::Labelled, 33, 65_535),
        (Class::Labelled, 132, 9_899),
        (Class::Dynamic, 6, 60_000),
    ] {
        let [first, second] = port.to_ne_bytes();
        let bytes = [TAG_VERSION, class as u8, protocol, 0, first, second, 0, 0];
        let tag = Tag::from_bytes(bytes);
        let transport = Transport::of_protocol(tag.protocol()).expect("a transport");
        let mark = match class {
            Class::Labelled => mark(transport, tag.port()),
            _ => 0,
        };
        let (version, class) = (tag.version(), tag.class_code());
        writeln!(
            text,
            "tag {version} {class} {protocol} {}, mark {mark:#010x}",
            tag.port()
        )
        .expect("room");
    }
    text + "no tag\nno tag\n"
}

#[test]
fn the_header_says_in_c_and_in_cpp_what_the_sources_say() {
    let folder = TempDir::new().expect("a temporary folder");
    let program = folder.path().join("print_tag");
    for compiler in [
        &["cc", "-std=c99"][..],
        &["cc", "-std=c17", "-O2"],
        &["c++", "-std=c++98", "-x", "c++"],
        &["c++", "-std=c++20", "-O2", "-x", "c++"],
    ] {
        let print_tag = source("tests/c/print_tag.c");
        c::compile(compiler, &print_tag, &include(), &program).expect("it compiles");
        let output = Command::new(&program).output().expect("it runs");
        assert!(output.status.success(), "{compiler:?}");
        let printed = String::from_utf8(output.stdout).expect("text");
        assert_eq!(printed, expected(), "{compiler:?}");
    }
}

#[test]
fn the_sample_consumer_compiles_for_bpf() {
    if !is_there_or_skips("clang", "clang", "the_sample_consumer_compiles_for_bpf") {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let object = folder.path().join("tag_consumer.bpf.o");
    let sample = source("../examples/tag_consumer.bpf.c");
    c::compile_bpf(&sample, &include(), &object).expect("it compiles");
}
