//! `status`: whether tokens of a user are revoked, and up to when.

use crate::{
    event_line::kind,
    failure::Outcome,
    output::{self, BAD, plain, styled},
    pages::Pages,
    reader::Reader,
    revocations::{each, json},
};

pub(crate) fn run(reader: &Reader, user_id: String) -> Outcome {
    let pages = Pages::of(&reader.address, Some(user_id));
    let mut revocations = Vec::new();
    each(pages, &reader.token()?, |revocation| {
        revocations.push(revocation);
        Ok(())
    })?;
    // What counts for all sessions stands above what counts for one.
    revocations.sort_by_key(|revocation| revocation.session_id.is_some());
    if reader.output.is_json() {
        return revocations.iter().try_for_each(json);
    }
    if revocations.is_empty() {
        return output::line("nothing is revoked");
    }
    revocations.iter().try_for_each(|revocation| {
        let whose = match &revocation.session_id {
            None => "all tokens".to_owned(),
            Some(session_id) => format!("tokens of session {}", plain(session_id)),
        };
        output::line(&format!(
            "{whose} issued up to {} are {} ({})",
            plain(&revocation.date),
            styled(BAD, "revoked"),
            kind(revocation)
        ))
    })
}
