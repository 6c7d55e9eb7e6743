//! `status`: prints the revocations of one user.

use session_events_core::events::revocation::Revocation;

use crate::{
    connection::{revocation_pages::RevocationPages, token_source::fetch_token},
    error::Result,
    options::read::ReadOptions,
    output::{self, escape::escape, event_row::event_type},
};

pub(crate) fn run(options: &ReadOptions, user_id: String) -> Result {
    let pages = RevocationPages::new(&options.worker, Some(user_id));
    let mut revocations = Vec::new();
    pages.for_each(&fetch_token(options)?, |revocation| {
        revocations.push(revocation);
        Ok(())
    })?;
    // The revocation of all tokens precedes those of single sessions.
    revocations.sort_by_key(|revocation| revocation.session_id.is_some());
    if options.output.is_json() {
        return revocations.iter().try_for_each(output::print_json);
    }
    if revocations.is_empty() {
        return output::print_line("no tokens are revoked");
    }
    revocations
        .iter()
        .try_for_each(|revocation| output::print_line(&describe(revocation)))
}

fn describe(revocation: &Revocation) -> String {
    let tokens = match &revocation.session_id {
        None => "all tokens".to_owned(),
        Some(session_id) => format!("tokens of session {}", escape(session_id)),
    };
    format!(
        "{tokens} issued up to {} are {} ({})",
        escape(&revocation.date),
        output::styled(output::RED, "revoked"),
        event_type(revocation)
    )
}
