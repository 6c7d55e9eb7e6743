//! `revocations`: whose tokens are revoked, and up to when.

mod follow;

use session_events_core::revocation::Revocation;

use crate::{
    event_line::{HEADINGS, revocation_cells},
    failure::Outcome,
    output,
    pages::Pages,
    reader::Reader,
};

pub(crate) fn run(reader: &Reader, follow: bool) -> Outcome {
    if follow {
        return follow::run(reader);
    }
    let token = reader.token()?;
    let pages = Pages::of(&reader.address, None);
    if reader.output.is_json() {
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
