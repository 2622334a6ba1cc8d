//! What others wrote, as nothing but text: no terminal obeys it, no line of a log or a file ends inside it, and it reads in the order
//! in which it is stored.

use std::borrow::Cow;
use std::fmt::Write;

use super::unseen::is_unseen;

/// Where the text goes, and so how a character is written that may not stand there itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `\u{202e}`, for people.
    Terminal,
    /// `\u202e`, inside the strings of JSON that is written already.
    Json,
    /// `\u202e` or `\U000e0001`, inside a string of TOML.
    Toml,
}

/// Escapes every character that nobody sees: control, format and bidirectional characters, line breaks, odd blanks.
pub fn escape(text: &str, syntax: Syntax) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) {
            write_escaped(&mut escaped, character, syntax);
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// The same, of text that consists of lines: their ends stay.
pub fn escape_lines(text: &str, syntax: Syntax) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_unseen(c)) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(|line| escape(line, syntax)).collect();
    Cow::Owned(lines.join("\n"))
}

/// A string of TOML, on one line whatever is in it.
pub fn toml_string(text: &str) -> String {
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escape(&quoted, Syntax::Toml))
}

/// Writing to a string cannot fail.
pub(super) fn write_escaped(to: &mut String, character: char, syntax: Syntax) {
    let code = u32::from(character);
    match syntax {
        Syntax::Terminal => to.extend(character.escape_default()),
        Syntax::Json => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(to, "\\u{unit:04x}").unwrap_or_default();
            }
        }
        Syntax::Toml if code > 0xffff => write!(to, "\\U{code:08x}").unwrap_or_default(),
        Syntax::Toml => write!(to, "\\u{code:04x}").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\u{7}\r\n\"\\\u{9b}\u{202e}\u{e0001}é";

    #[test]
    fn no_terminal_obeys_what_is_escaped() {
        assert_eq!(
            escape(HOSTILE, Syntax::Terminal),
            "a\\u{1b}[2J\\u{7}\\r\\n\"\\\\u{9b}\\u{202e}\\u{e0001}é"
        );
        assert!(matches!(
            escape("भुगतान 499.00", Syntax::Terminal),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn what_is_written_as_json_or_toml_is_read_back_as_it_was() {
        let json = serde_json::to_string(HOSTILE).unwrap();
        let json = escape(&json, Syntax::Json);
        assert!(!json.chars().any(is_unseen), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), HOSTILE);
        let toml = toml_string(HOSTILE);
        assert!(!toml.chars().any(is_unseen), "{toml}");
        let read: toml::Table = format!("key = {toml}").parse().unwrap();
        assert_eq!(read["key"].as_str(), Some(HOSTILE));
    }

    #[test]
    fn of_several_lines_only_the_ends_stay() {
        assert_eq!(
            escape_lines("a\u{1b}\nb\r\n", Syntax::Terminal),
            "a\\u{1b}\nb\\r\n"
        );
    }
}
