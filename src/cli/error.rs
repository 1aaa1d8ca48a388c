//! What is wrong with a command line, in one line.

use std::fmt;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::advice;

/// Why a command line is refused. It shows as one line that names the culprit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageError {
    /// The command line is none that clap understands: an unknown option, a missing value.
    Syntax(String),
    /// The value of an option is not what the option takes.
    Value {
        /// The option as users write it; what follows the name is part of the sentence.
        option: String,
        /// The rest of the sentence.
        why: String,
    },
    /// Options that do not go together: a row of [`conflicts`](super::conflicts).
    Conflict(String),
    /// Something that an option names, or that the machine has, cannot be used.
    Unusable(String),
}

impl UsageError {
    /// The value of `option` is wrong in that it `why`, the rest of the sentence.
    pub fn value(option: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::Value {
            option: option.into(),
            why: why.to_string(),
        }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(words) | Self::Conflict(words) | Self::Unusable(words) => {
                f.write_str(words)
            }
            Self::Value { option, why } => write!(f, "{option} {why}"),
        }
    }
}

impl std::error::Error for UsageError {}

impl From<String> for UsageError {
    fn from(words: String) -> Self {
        Self::Unusable(words)
    }
}

impl From<&str> for UsageError {
    fn from(words: &str) -> Self {
        Self::Unusable(words.to_owned())
    }
}

impl UsageError {
    /// What clap says of a command line with the options of `table`.
    pub fn of_clap(error: &clap::Error, table: &Command) -> Self {
        Self::Syntax(one_line(error, table))
    }
}

/// Turns clap's error, which is several lines long, into one line that names the option.
fn one_line(error: &clap::Error, table: &Command) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let option = context(ContextKind::InvalidArg).unwrap_or_default();
    let value = context(ContextKind::InvalidValue).unwrap_or_default();
    let visible = table.get_arguments().filter(|option| !option.is_hide_set());
    let advice = match advice::meant(&option, visible.filter_map(clap::Arg::get_long)) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => "see 'fanout --help'".to_owned(),
    };
    match error.kind() {
        ErrorKind::UnknownArgument => format!("Unknown option: {option}; {advice}"),
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("Option {option} requires an argument")
        }
        ErrorKind::InvalidValue => {
            let known = context(ContextKind::ValidValue).unwrap_or_default();
            format!("{option} must be one of {known}, not '{value}'")
        }
        ErrorKind::TooManyValues => {
            format!("{option} takes no value, but got '{value}'")
        }
        _ => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    }
}
