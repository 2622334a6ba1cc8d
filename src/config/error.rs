//! What is wrong with a configuration: all of it at once.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The key, with dots; empty where the whole file is meant.
    pub key: String,
    /// The file or variable it was given in; nothing where a default or several keys are meant.
    pub origin: Option<String>,
    /// A whole sentence that names the key. Never the value of a secret.
    pub message: String,
}

impl Problem {
    pub(super) fn new(key: &str, origin: Option<&str>, message: String) -> Self {
        Self {
            key: key.to_owned(),
            origin: origin.map(ToOwned::to_owned),
            message,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Everything that is wrong, ordered by key. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Problem>);

impl ConfigErrors {
    /// Nothing, if nothing is wrong.
    pub(super) fn from_problems(mut problems: Vec<Problem>) -> Result<(), Self> {
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self(problems))
        }
    }

    pub(super) fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }

    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.0.as_slice() {
            return problem.fmt(f);
        }
        write!(
            f,
            "{} things are wrong with the configuration",
            self.0.len()
        )?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigErrors {}
