//! What the keys do.

/// Each key with what it does.
pub(super) const KEYS: [(&str, &str); 16] = [
    ("Down, j", "next row"),
    ("Up, k", "row before"),
    ("PgDn, PgUp", "a page on, a page back"),
    ("Home, g", "first row, whichever it is"),
    ("End, G", "last row"),
    ("Enter", "the row by itself: graph, ports, registry entry"),
    ("Esc", "back; removes the filter"),
    ("s", "sort by the next column"),
    ("r", "reverse the order"),
    (
        "/, f",
        "filter by words: name, port, range, transport, 443/tcp",
    ),
    ("n", "names, or port numbers alone"),
    ("u", "unlabelled packets by reason, or services"),
    ("t", "tunnels, with --decapsulate"),
    ("space", "pause the screen; counting goes on"),
    ("+, -", "a longer interval, a shorter one"),
    ("q, Ctrl-C", "quit"),
];
