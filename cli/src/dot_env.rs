//! `.env` in the working directory.

use std::{fs, io::ErrorKind, path};

/// Sets the variables of the file, where there is one; those of the environment stay.
pub(crate) fn read() -> Result<(), String> {
    let path = path::absolute(".env").map_err(|error| format!(".env is nowhere: {error}"))?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    // What the line holds may be a secret, which the error has in it.
    dotenvy::from_read(text.as_bytes()).map_err(|_| {
        format!(
            "{} cannot be read at line {}: write NAME=value, and the value in quotes if it has spaces",
            path.display(),
            bad_line(&text)
        )
    })
}

/// The first line of what cannot be read. An error does not tell it, so it is the one after the
/// longest beginning that can be read.
fn bad_line(text: &str) -> usize {
    // A byte order mark is no part of the first name.
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let can_be_read = |count: &usize| {
        let beginning: String = lines.iter().take(*count).copied().collect();
        dotenvy::from_read_iter(beginning.as_bytes()).all(|variable| variable.is_ok())
    };
    let good = (0..lines.len()).rev().find(can_be_read);
    good.unwrap_or_default().saturating_add(1)
}
