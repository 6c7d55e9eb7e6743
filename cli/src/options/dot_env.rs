//! The file `.env` in the working directory.

use std::{fs, io::ErrorKind, path};

use crate::error::{Error, Result};

/// Sets the variables of `.env`, if the file exists. Variables that are already set keep their
/// values.
pub(crate) fn load() -> Result {
    let path = path::absolute(".env")
        .map_err(|error| format!("the working directory cannot be determined: {error}"))?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display()).into()),
    };
    // The error of dotenvy quotes the line, which may contain a secret.
    dotenvy::from_read(text.as_bytes()).map_err(|_| {
        Error::Failed(format!(
            "{} cannot be read at line {}: write NAME=value, and quote values that contain spaces",
            path.display(),
            first_invalid_line(&text)
        ))
    })
}

/// Returns the number of the line at which the first invalid variable starts.
///
/// dotenvy does not report it, and a variable may span several lines. The invalid variable
/// follows the longest valid prefix of the text.
fn first_invalid_line(text: &str) -> usize {
    // dotenvy skips a byte order mark only at the start of a file.
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_valid_prefix = |line_count: &usize| {
        let prefix: String = lines.iter().take(*line_count).copied().collect();
        dotenvy::from_read_iter(prefix.as_bytes()).all(|variable| variable.is_ok())
    };
    let valid_lines = (0..lines.len()).rev().find(is_valid_prefix);
    valid_lines.unwrap_or_default().saturating_add(1)
}
