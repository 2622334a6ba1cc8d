//! A file as clean lines: no byte order mark, `\n` at the end of every line, and a limit on how long a row may be,
//! so that a missing quote cannot pull a whole file into memory.

use std::io::{self, BufRead, BufReader, Read};

use super::encoding;

/// The longest row, in bytes.
const LONGEST_ROW: usize = 1024 * 1024;

/// The lines of a file; reads like the file itself from the current line on.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    at: usize,
    number: u64,
    row_bytes: usize,
    not_text: Option<&'static str>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
            line: Vec::new(),
            at: 0,
            number: 0,
            row_bytes: 0,
            not_text: None,
        }
    }

    /// Moves to the next line. False at the end of the file.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.at = 0;
        let limit = u64::try_from(LONGEST_ROW).unwrap_or(u64::MAX);
        (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(false);
        }
        self.number = self.number.saturating_add(1);
        // Of UTF-16 whose first line is blank, the zero bytes are in the second.
        if self.number <= 2 && self.not_text.is_none() {
            self.not_text = encoding::not_text(&self.line);
        }
        self.row_bytes = self.row_bytes.saturating_add(self.line.len());
        if self.row_bytes >= LONGEST_ROW {
            let why = format!(
                "the row that ends on or after line {} is longer than 1 MiB: is a closing quote missing?",
                self.number
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
            self.line.drain(..3);
        }
        while matches!(self.line.last(), Some(b'\n' | b'\r')) {
            self.line.pop();
        }
        self.line.push(b'\n');
        Ok(true)
    }

    /// Moves on to a line that is not blank; the first call starts the file.
    pub(super) fn advance_to_text(&mut self) -> io::Result<bool> {
        while self.advance()? {
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the file is, if its first lines are no UTF-8 text.
    pub(super) const fn not_text(&self) -> Option<&'static str> {
        self.not_text
    }

    /// The current line.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The current line's number, counted from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// A row is complete: the next one may be as long again.
    pub(super) const fn end_row(&mut self) {
        self.row_bytes = 0;
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.line.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            if !self.advance()? {
                return Ok(0);
            }
            rest = &self.line;
        }
        let read = rest.read(buffer)?;
        self.at = self.at.saturating_add(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_carriage_returns_are_gone_and_the_last_line_ends() {
        let mut text = String::new();
        Lines::new(&b"\xef\xbb\xbfa,b\r\n\r\n1,\"2\r\n3\""[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "a,b\n\n1,\"2\n3\"\n");
    }

    #[test]
    fn a_row_that_never_ends_is_refused() {
        let error = Lines::new(io::repeat(b'x')).advance().unwrap_err();
        assert!(
            error.to_string().contains("line 1 is longer than 1 MiB"),
            "{error}"
        );
    }
}
