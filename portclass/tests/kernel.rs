//! The program in the running kernel, fed by `BPF_PROG_TEST_RUN`. Takes root.

mod kernel {
    mod buffers;
    mod fixtures;
    mod images;
    mod labels;
    mod maps;
    mod random;
    mod replay;
    mod segments;
    mod settings;
    mod subject;
    mod tags;
}
