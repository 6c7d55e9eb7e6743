//! `setup-auth0`: creates or corrects the settings of an Auth0 tenant by the Management API v2.
//!
//! Reads the tenant, prints a plan, requests confirmation, applies the plan, and runs `doctor`. It owns
//! the log stream that posts to the Worker, the grants of the given clients, and of the API the two
//! permissions, the signing algorithm, the token lifetime and the access policies. Other fields stay.
//! The management token is neither printed nor stored.

mod apply;
mod management;
mod options;
mod permissions;
mod plan;
mod report;
mod tenant_domain;
mod tenant_state;

use std::io::{IsTerminal as _, Write as _, stderr, stdin, stdout};

use session_events_core::tenant::Tenant;

use crate::{
    commands::doctor::{self, token::read_claims},
    connection::{http, token_source::ClientCredentials},
    error::{Error, Result},
    options::{credentials::Credentials, worker::WorkerOptions},
    output::{BOLD, print_note, styled},
};

pub(crate) use self::options::SetupAuth0Options;
use self::{
    management::ManagementApi,
    options::ModeOptions,
    plan::{Desired, DesiredGrant, Step, Subject},
    report::Report,
};

pub(crate) fn run(mut options: SetupAuth0Options) -> Result {
    let credentials = options.management.credentials()?;
    let tenant = tenant_domain::find(&options, &credentials)?;
    options.read.worker.domain.set(tenant.clone());
    let desired = desired(&options, &tenant)?;
    let management = connect(&options, credentials, &tenant, &desired)?;
    let ModeOptions {
        dry_run,
        yes,
        skip_doctor,
        remove,
    } = options.mode;

    print_note(&format!("reading the settings of {tenant} …"));
    let make_plan = || read_plan(&management, &desired, remove);
    let steps = make_plan()?;
    let report = Report {
        output: options.read.output,
    };
    print_plan(report, &steps, dry_run)?;

    let requests = || steps.iter().filter_map(|step| step.request.as_ref());
    management.check_permissions(requests().map(|request| request.permission.as_str()))?;
    if dry_run {
        print_note("nothing was changed, because of --dry-run");
        return Ok(());
    }
    if requests().next().is_some() {
        if !yes {
            confirm(&tenant)?;
        }
        apply::apply(&management, &steps, report, make_plan)?;
    }
    if remove || skip_doctor {
        return Ok(());
    }
    print_note("checking the deployment …");
    doctor::run(&options.read, &options.publish_token, false)
}

/// Reads the tenant and returns the steps of the set-up, or those of the removal.
fn read_plan(management: &ManagementApi, desired: &Desired, is_removal: bool) -> Result<Vec<Step>> {
    let state = tenant_state::read(management, &desired.audience)?;
    Ok(if is_removal {
        plan::plan_removal(desired, &state)
    } else {
        plan::plan(desired, &state)
    })
}

fn print_plan(report: Report, steps: &[Step], dry_run: bool) -> Result {
    report.print_plan(steps).map_err(|error| match error {
        // Elsewhere a closed output is a success. Here it must not look as if the plan was applied.
        Error::OutputClosed if !dry_run => {
            "nothing was changed, because standard output was closed before the plan was printed: run the command again without closing it".into()
        }
        error => error,
    })
}

/// Returns the settings that the options ask for.
fn desired(options: &SetupAuth0Options, tenant: &Tenant) -> Result<Desired> {
    let settings = &options.settings;
    let grants = |clients: &[String], subject| -> Vec<DesiredGrant> {
        let mut clients = clients.to_vec();
        clients.sort_unstable();
        clients.dedup();
        let grant = |client_id| DesiredGrant { client_id, subject };
        clients.into_iter().map(grant).collect()
    };
    // A removal deletes the log stream, whatever its token is.
    let publish_token = if options.mode.remove {
        String::new()
    } else {
        options.publish_token.token(tenant)?
    };
    Ok(Desired {
        audience: options.read.access_token.audience()?.to_owned(),
        token_lifetime: settings.token_lifetime,
        grants: [
            grants(&settings.browser_clients, Subject::User),
            grants(&settings.backend_clients, Subject::Client),
        ]
        .concat(),
        payload_url: payload_url(&options.read.worker),
        publish_token,
    })
}

fn payload_url(worker: &WorkerOptions) -> String {
    worker.endpoint("/api/publish")
}

/// Returns a client of the Management API, with a token that has the permissions to read.
fn connect(
    options: &SetupAuth0Options,
    credentials: Credentials,
    tenant: &Tenant,
    desired: &Desired,
) -> Result<ManagementApi> {
    let base = match options.management.url() {
        Some(url) => url.to_string(),
        None => format!("https://{tenant}"),
    };
    let audience = management_audience(tenant);
    let client = http::client();
    let token = match credentials {
        Credentials::Token(token) => token,
        Credentials::Client { id, secret } => {
            print_note(&format!("requesting a management token from {base} …"));
            let application = ClientCredentials {
                client: client.clone(),
                endpoint: format!("{base}/oauth/token"),
                client_id: id,
                client_secret: secret,
                audience: audience.clone(),
                endpoint_option: "--domain",
            };
            application.fetch_token_with_retries()?
        }
    };
    let claims = read_claims(&token);
    if let Some(claims) = &claims
        && !doctor::token::has_audience(claims, &audience)
    {
        return Err(format!(
            "the management token is not for {audience}: get a token for the Auth0 Management API of this tenant, or check --tenant and --domain"
        )
        .into());
    }
    let management = ManagementApi::new(client, base, token, claims, &desired.publish_token);
    management.check_permissions(permissions::READ)?;
    Ok(management)
}

/// The audience of tokens for the Management API of a tenant.
fn management_audience(tenant: &Tenant) -> String {
    format!("https://{tenant}/api/v2/")
}

/// Asks on the terminal if the plan should be applied. Returns an error if not, or if there is no
/// terminal.
fn confirm(tenant: &Tenant) -> Result {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return Err("nothing was changed, because there is no terminal to confirm the plan: give --yes to apply it, or --dry-run to only print it".into());
    }
    let question = format!("Apply this plan to {tenant}?");
    let mut stderr = anstream::AutoStream::auto(stderr().lock());
    // A failure to write to standard error cannot be reported anywhere.
    let _ = write!(stderr, "\n{} [y/N] ", styled(BOLD, &question));
    let _ = stderr.flush();
    let mut answer = String::new();
    stdin()
        .read_line(&mut answer)
        .map_err(|error| format!("the answer cannot be read: {error}"))?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        Ok(())
    } else {
        Err("nothing was changed, because the plan was not confirmed".into())
    }
}
