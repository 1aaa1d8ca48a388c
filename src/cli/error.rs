//! What is wrong with a command line, in one line.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Turns clap's error, which is several lines long, into one line that names the option.
pub fn one_line(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let option = context(ContextKind::InvalidArg).unwrap_or_default();
    let value = context(ContextKind::InvalidValue).unwrap_or_default();
    let advice =
        match context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedValue)) {
            Some(suggestion) => format!("did you mean '{suggestion}'?"),
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
