//! The registry, against totals that three independent parsers agree on, and against files that are none.

mod registry {
    mod bad_input;
    mod golden;
    mod lookup;
}
