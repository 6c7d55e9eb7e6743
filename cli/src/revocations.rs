//! `revocations`: whose tokens are revoked, and up to when.

mod follow;

use session_events_core::revocation::Revocation;

use crate::{
    address::Address,
    event_line::{HEADINGS, revocation_cells},
    failure::Outcome,
    login::Login,
    output::{self, Output},
    pages::Pages,
};

pub(crate) fn run(address: &Address, login: &Login, follow: bool, output: Output) -> Outcome {
    let tokens = login.tokens(&address.tenant)?;
    let token = tokens.get().map_err(String::from)?;
    let pages = Pages::of(address, None);
    if follow {
        return follow::run(address, tokens, &token, pages, output);
    }
    if output.is_json() {
        return each(pages, &token, |revocation| json(&revocation));
    }
    let mut rows = Vec::new();
    each(pages, &token, |revocation| {
        rows.push(revocation_cells(&revocation).to_vec());
        Ok(())
    })?;
    if rows.is_empty() {
        output::note("Nothing is revoked.");
        return Ok(());
    }
    output::line(&output::table(&HEADINGS, &rows))
}

/// Goes through all revocations, page by page.
pub(crate) fn each(
    mut pages: Pages,
    token: &str,
    mut deal_with: impl FnMut(Revocation) -> Outcome,
) -> Outcome {
    loop {
        let page = pages.get(token)?;
        let is_last = pages.turn(&page);
        page.revocations.into_iter().try_for_each(&mut deal_with)?;
        if is_last {
            return Ok(());
        }
    }
}

/// Writes one for a program.
pub(crate) fn json(revocation: &Revocation) -> Outcome {
    output::json_line(&serde_json::to_string(revocation).map_err(|error| error.to_string())?)
}
