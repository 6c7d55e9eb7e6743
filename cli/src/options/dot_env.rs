//! The file `.env` in the working directory.
//!
//! The working directory may belong to somebody else, for example an unpacked archive. So the file
//! is data, not a shell script: only the variables of this program's options are read, nothing is
//! expanded, and [`destinations`](super::destinations) limits what the values may be combined with.

use std::{
    collections::HashMap,
    fs::File,
    io::{ErrorKind, Read as _},
    path::{self, Path},
};

use clap::{Arg, Command};

use crate::{
    error::{Error, Result},
    output::escape::has_hidden_characters,
};

const MAX_BYTES: u64 = 64 * 1024;

/// The variables of the file, without those that no option reads.
type Variables = HashMap<String, String>;

/// Makes the variables of `.env` the defaults of their options, if the file exists. The command
/// line and the environment take precedence over defaults.
pub(crate) fn add_defaults(command: Command) -> Result<Command> {
    let variables = read(&command)?;
    Ok(command.mut_subcommands(|subcommand| {
        subcommand.mut_args(|option| match variable_of(&option, &variables) {
            // The help must not show the value, which may be a secret.
            Some(value) => option
                .required(false)
                .default_value(value)
                .hide_default_value(true),
            None => option,
        })
    }))
}

fn variable_of(option: &Arg, variables: &Variables) -> Option<String> {
    variables.get(option.get_env()?.to_str()?).cloned()
}

fn read(command: &Command) -> Result<Variables> {
    let path = path::absolute(".env")
        .map_err(|error| format!("the working directory cannot be determined: {error}"))?;
    let Some(text) = read_text(&path)? else {
        return Ok(Variables::new());
    };
    let is_known = |name: &str| {
        command
            .get_subcommands()
            .flat_map(Command::get_arguments)
            .any(|option| option.get_env().is_some_and(|env| env == name))
    };
    parse(&text, is_known).map_err(|(line, advice)| {
        // The line itself may contain a secret.
        Error::Failed(format!(
            "{} cannot be read at line {line}: {advice}",
            path.display()
        ))
    })
}

/// Returns the text of a file, or `None` if it does not exist.
fn read_text(path: &Path) -> Result<Option<String>> {
    let unreadable = |error| format!("{} cannot be read: {error}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error).into()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(format!(
            "{} is longer than {MAX_BYTES} bytes: make it shorter, or run the command in another directory",
            path.display()
        )
        .into());
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Returns the known variables. On error, returns the number of the first line that gives a known
/// variable an invalid value, and advice.
///
/// Every other line is skipped, whatever its syntax: the file may be meant for other programs. If a
/// name occurs twice, the first value counts.
fn parse(
    text: &str,
    is_known: impl Fn(&str) -> bool,
) -> std::result::Result<Variables, (usize, &'static str)> {
    let mut variables = Variables::new();
    let text = text.trim_start_matches('\u{feff}');
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        let assignment = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = assignment.split_once('=') else {
            continue;
        };
        let name = name.trim();
        if !is_known(name) {
            continue;
        }
        let value = parse_value(value.trim()).ok_or((
            number,
            "write NAME=value, and quote values that contain spaces",
        ))?;
        if has_hidden_characters(&value) {
            return Err((
                number,
                "the value contains an invisible character; remove it",
            ));
        }
        if !value.is_empty() {
            variables.entry(name.to_owned()).or_insert(value);
        }
    }
    Ok(variables)
}

/// Parses `'value'`, `"value"` or `value`, each of which a comment may follow. `$` has no special
/// meaning. Between double quotes, a backslash escapes a quote, a dollar sign or a backslash.
fn parse_value(text: &str) -> Option<String> {
    let (value, rest) = match text.chars().next() {
        Some('\'') => {
            let (value, rest) = text.strip_prefix('\'')?.split_once('\'')?;
            (value.to_owned(), rest)
        }
        Some('"') => parse_double_quoted(text.strip_prefix('"')?)?,
        _ => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            let (value, rest) = text.split_at_checked(end)?;
            // `NAME= # comment`
            if value.starts_with('#') {
                (String::new(), text)
            } else {
                (value.to_owned(), rest)
            }
        }
    };
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}

/// Returns the value up to the closing quote, and the text after it.
fn parse_double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => match characters.next()? {
                escaped @ ('"' | '$' | '\\') => value.push(escaped),
                _ => return None,
            },
            character => value.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> std::result::Result<Variables, usize> {
        parse(text, |name| name.starts_with("KNOWN")).map_err(|(line, _)| line)
    }

    #[test]
    fn values_may_be_quoted_and_followed_by_a_comment() {
        for (text, value) in [
            ("KNOWN=a", "a"),
            ("\u{feff}KNOWN=a", "a"),
            ("  export KNOWN = a=b  # comment", "a=b"),
            ("KNOWN=a#b", "a#b"),
            ("KNOWN='a # \"b\\' # comment", "a # \"b\\"),
            (r#"KNOWN="a 'b' \"c\" \$d \\""#, r#"a 'b' "c" $d \"#),
            ("KNOWN=first\nKNOWN=second", "first"),
        ] {
            assert_eq!(parsed(text).unwrap()["KNOWN"], value, "{text}");
        }
        for text in ["KNOWN=", "KNOWN=''", "KNOWN= # comment", "# KNOWN=a"] {
            assert!(parsed(text).unwrap().is_empty(), "{text}");
        }
    }

    #[test]
    fn nothing_is_expanded() {
        for text in [
            "KNOWN=${HOME}$HOME`id`$(id)",
            "KNOWN='${HOME}$HOME`id`$(id)'",
            "KNOWN=\"${HOME}$HOME`id`$(id)\"",
        ] {
            assert_eq!(parsed(text).unwrap()["KNOWN"], "${HOME}$HOME`id`$(id)");
        }
    }

    #[test]
    fn lines_of_other_programs_are_skipped_whatever_their_syntax() {
        let text = "PATH=/evil\nKEY=\"-----BEGIN\nabc def\n-----END\"\nnonsense 'x\nKNOWN=a";
        assert_eq!(parsed(text).unwrap(), [("KNOWN".into(), "a".into())].into());
    }

    #[test]
    fn an_invalid_line_of_a_known_variable_is_reported_by_its_number() {
        for bad in [
            "KNOWN=a b",
            "KNOWN='a",
            "KNOWN=\"a",
            "KNOWN='a'b",
            r#"KNOWN="a\n""#,
            "KNOWN=a\u{202e}b",
            "KNOWN=\u{1b}",
        ] {
            assert_eq!(parsed(&format!("# c\nOTHER=1\n{bad}\n")), Err(3), "{bad}");
        }
    }
}
