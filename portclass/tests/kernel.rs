//! The program in the running kernel, fed by `BPF_PROG_TEST_RUN`. Takes root.

mod kernel {
    mod fixtures;
    mod maps;
    mod replay;
}
