//! The three layers: what is compiled in, the file, the environment. The one place that reads the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use config::{ConfigError, FileFormat, Format, Map, Source, Value, ValueKind};

use super::error::Problem;
use super::known_keys::KnownKeys;
use super::retry;
use super::tree::{self, Table};
use super::variable;

/// Every key, with its default.
pub(super) const DEFAULTS: &str = concat!(
    include_str!("../../config/default.toml"),
    include_str!("../../config/limits/upi.toml"),
    include_str!("../../config/limits/card.toml"),
    include_str!("../../config/limits/enach.toml"),
    include_str!("../../config/limits/juspay.toml"),
    include_str!("../../config/limits/signzy.toml"),
    include_str!("../../config/limits/retry.toml"),
);

/// The origin of what is compiled in.
pub(super) const DEFAULT_ORIGIN: &str = "default";

/// Names the file where `--config` does not.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const FILE_VARIABLE: &str = "MANDATED_CONFIG";

/// The environment, as it is handed in.
#[derive(Debug, Default)]
pub(super) struct Environment(Vec<(String, OsString)>);

impl Environment {
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        // A name that is not Unicode is none of ours.
        let named = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let mut variables: Vec<_> = named.filter(|(_, value)| !value.is_empty()).collect();
        variables.sort();
        Self(variables)
    }

    /// The file to read, where the command line names none.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let (_, value) = self.0.iter().find(|(name, _)| name == FILE_VARIABLE)?;
        Some(PathBuf::from(value))
    }

    /// Where a service manager has put the credentials of this process (systemd, "System and Service Credentials").
    pub(super) fn credentials(&self) -> Option<PathBuf> {
        let (_, value) = self.0.iter().find(|(name, _)| name == CREDENTIALS)?;
        Some(PathBuf::from(value))
    }

    /// The keys that are set by variables.
    pub(super) fn layer(&self, known: &KnownKeys, problems: &mut Vec<Problem>) -> Table {
        let mut layer = Table::new();
        for (name, value) in &self.0 {
            let Some(key) = variable::key(name) else {
                continue;
            };
            let kind = match known.get(&key) {
                Some(KnownKeys::Leaf(example)) => value
                    .to_str()
                    .ok_or_else(|| "must be Unicode".to_owned())
                    .and_then(|text| read(text, &example.kind))
                    .map_err(|why| format!("{key} {why}")),
                Some(KnownKeys::Section(_) | KnownKeys::Named(_)) => {
                    Err(format!("{key} is a section, not a value"))
                }
                None => Err(known.unknown(&key, true)),
            };
            match kind {
                Ok(kind) => tree::set(&mut layer, &key, Value::new(Some(name), kind)),
                Err(message) => problems.push(Problem::new(&key, Some(name), message)),
            }
        }
        layer
    }
}

/// A variable's text as the kind of value that its key wants.
fn read(text: &str, example: &ValueKind) -> Result<ValueKind, String> {
    match example {
        ValueKind::I64(_) => text
            .trim()
            .parse()
            .map(ValueKind::I64)
            .or(Err(format!("must be a whole number, not {text:?}"))),
        ValueKind::Boolean(_) => text
            .trim()
            .parse()
            .map(ValueKind::Boolean)
            .or(Err(format!("must be true or false, not {text:?}"))),
        ValueKind::Array(examples) => {
            let item = examples
                .first()
                .map_or(ValueKind::String(String::new()), |first| first.kind.clone());
            let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
            let items = inner
                .split(',')
                .map(|part| part.trim().trim_matches('"'))
                .filter(|part| !part.is_empty());
            items
                .map(|part| read(part, &item).map(|kind| Value::new(None, kind)))
                .collect::<Result<_, _>>()
                .map(ValueKind::Array)
        }
        ValueKind::Nil
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::String(_)
        | ValueKind::Table(_) => Ok(ValueKind::String(text.to_owned())),
    }
}

/// What is compiled in.
pub(super) fn defaults() -> Result<Table, Problem> {
    parse(DEFAULTS, DEFAULT_ORIGIN)
}

/// What a file says.
pub(super) fn file(path: &Path) -> Result<Table, Problem> {
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(
            "",
            Some(&origin),
            format!("cannot read the configuration file: {error}"),
        )
    })?;
    parse(&text, &origin)
}

fn parse(text: &str, origin: &str) -> Result<Table, Problem> {
    FileFormat::Toml
        .parse(Some(&origin.to_owned()), text)
        .map_err(|error| {
            // The parser's own text shows the line, and a secret may stand in it.
            let why = match error.downcast_ref::<toml::de::Error>() {
                Some(error) => {
                    let before = error
                        .span()
                        .and_then(|span| text.get(..span.start))
                        .unwrap_or_default();
                    format!(
                        "line {}: {}",
                        before.matches('\n').count().saturating_add(1),
                        error.message()
                    )
                }
                None => "a number is out of range".to_owned(),
            };
            Problem::new("", Some(origin), format!("this is not TOML: {why}"))
        })
}

/// A layer as a source of the `config` crate.
#[derive(Debug, Clone)]
struct Layer(Table);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// One table of several, the later ones winning key by key.
pub(super) fn merge(mut layers: Vec<Table>) -> Result<Table, Problem> {
    retry::replace_strategies(&mut layers);
    let failed =
        |error: ConfigError| Problem::new("", None, format!("merge the configuration: {error}"));
    let mut builder = config::Config::builder();
    for layer in layers {
        builder = builder.add_source(Layer(layer));
    }
    builder
        .build()
        .and_then(|merged| merged.collect())
        .map_err(failed)
}
