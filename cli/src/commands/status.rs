//! `status`: prints the revocations of one user.

use session_events_core::{events::revocation::Revocation, timestamp::parse_rfc3339};

use crate::{
    connection::{revocation_pages::RevocationPages, token_source::obtain_token},
    error::{Error, Result},
    options::read::ReadOptions,
    output::{self, escape::escape, event_row::event_type},
    revocation::is_final,
};

/// The exit code of `--exit-code` if any tokens are revoked. It differs from that of a failure.
const REVOKED: u8 = 3;

pub(crate) fn run(options: &ReadOptions, user_id: String, exit_code: bool) -> Result {
    let pages = RevocationPages::new(&options.worker, Some(user_id));
    let mut revocations = Vec::new();
    pages.for_each(&obtain_token(options)?, |revocation| {
        revocations.push(revocation);
        Ok(())
    })?;
    // The revocation of all tokens precedes those of single sessions.
    revocations.sort_by_key(|revocation| revocation.session_id.is_some());
    let printed = if options.output.is_json() {
        revocations.iter().try_for_each(output::print_json)
    } else {
        print_description(&revocations)
    };
    match printed {
        // The reader of the output may need only a part of it.
        Ok(()) | Err(Error::OutputClosed) if exit_code && !revocations.is_empty() => {
            Err(Error::ExitCode(REVOKED))
        }
        printed => printed,
    }
}

fn print_description(revocations: &[Revocation]) -> Result {
    if revocations.is_empty() {
        return output::print_line("no tokens are revoked");
    }
    revocations
        .iter()
        .try_for_each(|revocation| output::print_line(&describe(revocation)))?;
    match revoked_until_without_session(revocations) {
        Some(date) => output::print_line(&format!(
            "tokens that name no session, issued up to {}, are {}",
            escape(date),
            output::styled(output::RED, "revoked")
        )),
        None => Ok(()),
    }
}

/// Returns the date up to which tokens without a session id are revoked, if that is later than the
/// date for all tokens: the end of any session of the user applies to them.
fn revoked_until_without_session(revocations: &[Revocation]) -> Option<&str> {
    let latest = revocations
        .iter()
        .max_by_key(|revocation| {
            let is_of_user = revocation.session_id.is_none();
            (parse_rfc3339(&revocation.date), is_of_user)
        })
        .filter(|latest| latest.session_id.is_some())?;
    Some(&latest.date)
}

fn describe(revocation: &Revocation) -> String {
    let date = escape(&revocation.date);
    let event_type = event_type(revocation);
    let revoked = output::styled(output::RED, "revoked");
    match &revocation.session_id {
        None => format!("all tokens issued up to {date} are {revoked} ({event_type})"),
        Some(session_id) if is_final(revocation) => format!(
            "all tokens of session {} are {revoked} ({event_type} at {date})",
            escape(session_id)
        ),
        Some(session_id) => format!(
            "tokens of session {} issued up to {date} are {revoked} ({event_type})",
            escape(session_id)
        ),
    }
}
