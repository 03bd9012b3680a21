//! The registry: totals that three independent parsers agree on, every format, layers, and files that are none.

mod registry {
    mod bad_input;
    mod check;
    mod diff;
    mod formats;
    mod golden;
    mod layers;
    mod lookup;
    mod markup;
    mod plain_text;
    mod written;
}
