//! Text from outside, made harmless before it is kept or shown.

use std::borrow::Cow;

/// `text` with U+FFFD for each control character and each bidirectional override, a space for each tab, and line feeds
/// as they are: text from outside must not drive somebody's terminal.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let replaced = |character: char| match character {
        '\n' => '\n',
        '\t' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        harmless => harmless,
    };
    Cow::Owned(text.replace("\r\n", "\n").chars().map(replaced).collect())
}

/// A word of a command that people copy into their shell: names of interfaces may hold what a shell acts upon.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    // A name with a null byte is none, and harmless as it is.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

/// Whether `text` has nothing but ASCII's printable characters.
pub fn is_plain(text: &str) -> bool {
    // Every byte is looked at: stopping early would be slower, since there is hardly ever a reason to.
    text.bytes()
        .fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte))
}

/// [`harmless`] text in one line: each run of white space is a single space.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in harmless(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{harmless, one_line, shell_word};

    #[test]
    fn a_shell_acts_upon_nothing_in_a_word() {
        assert_eq!(shell_word("eth0.7"), "eth0.7");
        assert_eq!(shell_word("$(reboot)"), "'$(reboot)'");
        assert_eq!(shell_word("a;b`c`"), "'a;b`c`'");
    }

    #[test]
    fn characters_that_could_drive_a_terminal_are_replaced() {
        let text = harmless("a\u{1b}[2J\u{9b}b\u{202e}c\u{7f}\r\nd\te\u{e9}");
        assert_eq!(text, "a\u{fffd}[2J\u{fffd}b\u{fffd}c\u{fffd}\nd e\u{e9}");
    }

    #[test]
    fn lines_are_folded_into_one() {
        assert_eq!(one_line(" a\r\n  b\tc\u{1b}"), "a b c\u{fffd}");
    }
}
