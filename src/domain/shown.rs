//! A reader's own words, as a message repeats them to him.

use std::fmt::{self, Write};

use super::escape::{Syntax, escape};

/// How much of a text is shown, in characters: more of it helps nobody to find it.
const LONGEST: usize = 60;

/// A text in quotes. What a terminal would obey and what nobody can see is escaped; of a long text the beginning is shown, so that
/// the advice behind it is not cut off.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        f.write_char('"')?;
        for character in characters.by_ref().take(LONGEST) {
            if ['"', '\\'].contains(&character) {
                f.write_char('\\')?;
            }
            f.write_str(&escape(
                character.encode_utf8(&mut [0; 4]),
                Syntax::Terminal,
            ))?;
        }
        f.write_char('"')?;
        match characters.count() {
            0 => Ok(()),
            more => write!(f, " and {more} more characters"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_moves_a_terminal_and_its_length_is_sane() {
        for (text, shown) in [
            ("zw1", r#""zw1""#),
            ("a\u{1b}[2Jb\r\n", r#""a\u{1b}[2Jb\r\n""#),
            ("a\u{202e}b\u{200b}", r#""a\u{202e}b\u{200b}""#),
            ("a\u{a0}b", r#""a\u{a0}b""#),
            ("a\"\\b", r#""a\"\\b""#),
            ("a\u{3164}b", r#""a\u{3164}b""#),
            ("कर", r#""कर""#),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
        }
        let long = "é".repeat(300_000);
        let shown = Shown(&long).to_string();
        assert!(shown.ends_with("é\" and 299940 more characters"), "{shown}");
    }
}
