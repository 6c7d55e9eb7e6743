//! Checks the variables of every environment in `wrangler.toml`. An invalid value fails the build.
//! `npm run deploy` also checks that no variable is missing.

use session_events_config_check::check_form;

fn main() {
    println!("cargo::rerun-if-changed=wrangler.toml");
    let checked = std::fs::read_to_string("wrangler.toml")
        .map_err(|error| error.to_string())
        .and_then(|text| check_form(&text));
    if let Err(problem) = checked {
        println!("cargo::error=wrangler.toml: {problem}");
    }
}
