//! `revocations`: prints all revocations.

mod follow;

use crate::{
    connection::{revocation_pages::RevocationPages, token_source::obtain_token},
    error::Result,
    options::read::ReadOptions,
    output::{
        self,
        event_row::{HEADINGS, revocation_cells},
        table::table,
    },
};

pub(crate) fn run(options: &ReadOptions, follow: bool) -> Result {
    if follow {
        return follow::run(options);
    }
    let token = obtain_token(options)?;
    let pages = RevocationPages::new(&options.worker, None);
    if options.output.is_json() {
        return pages.for_each(&token, |revocation| output::print_json(&revocation));
    }
    let mut rows = Vec::new();
    pages.for_each(&token, |revocation| {
        rows.push(revocation_cells(&revocation));
        Ok(())
    })?;
    if rows.is_empty() {
        output::print_note("No tokens are revoked.");
        return Ok(());
    }
    output::print_line(&table(HEADINGS, &rows))
}
