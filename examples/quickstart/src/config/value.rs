//! Values of the file, checked one by one.

use std::time::Duration;

use oauth_core::types::Secret;
use toml::{Spanned, Value};

use super::Problem;

/// A lifetime, which is not zero.
pub(super) fn lifetime(
    value: Option<&Spanned<Value>>,
    name: &str,
) -> Result<Option<Duration>, Problem> {
    match (seconds(value, name)?, value) {
        (Some(Duration::ZERO), Some(value)) => {
            Err(problem(value, &format!("{name} must be longer than zero")))
        }
        (lifetime, _) => Ok(lifetime),
    }
}

/// A number of seconds.
pub(super) fn seconds(
    value: Option<&Spanned<Value>>,
    name: &str,
) -> Result<Option<Duration>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value
        .get_ref()
        .as_integer()
        .and_then(|seconds| u64::try_from(seconds).ok());
    match seconds {
        Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
        None => Err(problem(
            value,
            &format!("{name} is a whole number of seconds, such as 60"),
        )),
    }
}

/// A limit, which must not be zero.
pub(super) fn ceiling(value: Option<&Spanned<Value>>, name: &str) -> Result<Option<u32>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let number = value
        .get_ref()
        .as_integer()
        .and_then(|number| u32::try_from(number).ok());
    match number {
        Some(number) if number > 0 => Ok(Some(number)),
        _ => Err(problem(
            value,
            &format!("{name} is a whole number from 1 on, such as 100"),
        )),
    }
}

/// A text that must not be empty.
pub(super) fn text(value: Spanned<String>, name: &str) -> Result<String, Problem> {
    if value.get_ref().is_empty() {
        Err(problem(&value, &format!("{name} is not empty")))
    } else {
        Ok(value.into_inner())
    }
}

/// A secret or a password. Nothing that is said about it shows it.
pub(super) fn secret(value: &Spanned<Value>, name: &str) -> Result<Secret, Problem> {
    match value.get_ref().as_str() {
        Some(secret) if !secret.is_empty() => Ok(Secret::new(secret)),
        _ => Err(problem(
            value,
            &format!("{name} is a text in quotes, and not empty"),
        )),
    }
}

/// A value that a type of the library takes.
pub(super) fn parsed<T, E: std::fmt::Display>(
    value: &Spanned<String>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Problem> {
    parse(value.get_ref()).map_err(|error| problem(value, &error.to_string()))
}

pub(super) fn problem<T>(value: &Spanned<T>, what: &str) -> Problem {
    Problem {
        at: value.span().start,
        what: what.to_owned(),
    }
}
