//! `status`: whether tokens of a user are revoked, and up to when.

use crate::{
    address::Address,
    event_line::kind,
    failure::Outcome,
    login::Login,
    output::{self, BAD, Output, plain, styled},
    pages::Pages,
    revocations::{each, json},
};

pub(crate) fn run(address: &Address, login: &Login, user_id: String, output: Output) -> Outcome {
    let token = login.tokens(&address.tenant)?.get().map_err(String::from)?;
    let mut revocations = Vec::new();
    each(Pages::of(address, Some(user_id)), &token, |revocation| {
        revocations.push(revocation);
        Ok(())
    })?;
    // What counts for all sessions stands above what counts for one.
    revocations.sort_by_key(|revocation| revocation.session_id.is_some());
    if output.is_json() {
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
