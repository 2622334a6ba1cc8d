//! Reads a documentation page's curl command.

use std::collections::BTreeMap;

/// A sample request, read out of its curl command.
#[derive(Debug, Default)]
pub(super) struct Sample {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<String>,
}

impl Sample {
    pub(super) fn read(curl: &str) -> Self {
        let mut sample = Self {
            method: "GET".to_owned(),
            ..Self::default()
        };
        let words = words(curl);
        let mut words = words.iter();
        assert_eq!(words.next().map(String::as_str), Some("curl"));
        while let Some(word) = words.next() {
            match word.as_str() {
                "-X" | "--request" => sample.method.clone_from(words.next().unwrap()),
                "-H" | "--header" => {
                    let (name, value) = words.next().unwrap().split_once(':').unwrap();
                    sample
                        .headers
                        .insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
                }
                "-d" | "--data" | "--data-urlencode" => {
                    sample.body.push(words.next().unwrap().clone());
                }
                "--location" | "--url" | "GET" => {}
                url => {
                    let url: url::Url = url.parse().unwrap();
                    url.path()
                        .trim_end_matches('/')
                        .clone_into(&mut sample.path);
                }
            }
        }
        if !sample.body.is_empty() && sample.method == "GET" {
            "POST".clone_into(&mut sample.method);
        }
        sample
    }

    pub(super) fn form(&self) -> BTreeMap<String, String> {
        let pairs = self.body.iter().map(|pair| pair.split_once('=').unwrap());
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Splits a command as a shell would; a backslash before the end of a line goes on.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in command.replace("\\\n", " ").chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
