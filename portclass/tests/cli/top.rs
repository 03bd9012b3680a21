//! `portclass top` where it cannot be: it says so before it asks for anything else.

use crate::failure;

#[test]
fn without_a_terminal_there_is_one_line() {
    assert_eq!(
        failure(&["top", "--iface", "lo"]),
        (
            Some(1),
            "portclass: top takes a terminal, and stdin is none; portclass run prints the same numbers\n"
                .to_owned()
        )
    );
}

#[test]
fn options_that_do_not_go_together_are_wrong_usage() {
    let (status, line) = failure(&["top", "--mark-mask", "0x7ffff"]);
    assert_eq!(status, Some(2));
    assert!(line.contains("--mark-mask is for marks"), "{line}");
    let (status, _) = failure(&["top", "--format", "json"]);
    assert_eq!(status, Some(2));
}
