//! The Worker: from a request off the network to one that a tenant's object may be asked.
//!
//! What reaches the object has passed all checks that need no state: the path names a tenant
//! that is served, the caller showed the tenant's publish token or a verified access token, the
//! body was read within its bounds. The object is asked for its key set where the copy held here
//! is missing or old, and otherwise only for what the caller may have.

use std::iter;

use futures::{
    FutureExt,
    future::{LocalBoxFuture, join, ready},
};
use serde_json::value::RawValue;
use session_events_core::{
    access_token::{self, AccessToken, IssuedToken},
    config::Config,
    error::{Fault, TokenFault},
    event,
    hub_request::{Admission, HubRequest, Publication, RevokedAt},
    introspection,
    log_record::MAX_BODY_BYTES,
    object::Object,
    protocol::{Index, ListenersBody, PublishReceipt, WorkerDebug},
    publish_token::bearer,
    revocation::{PageRequest, is_revoked},
    route::{Endpoint, Route, Target, Wanted},
    upgrade::Upgrade,
};
use worker::{
    Env,
    js_sys::Math,
    web_sys::{Request, Response},
};

use crate::{
    clock, environment,
    http::{self, Unread},
    key_set_copies::KeySetCopies,
    report::{self, Refused},
    tenant_object::{Along, TenantObject},
    verifier::RuntimeVerifier,
};

mod console;
mod rate_limit;

use rate_limit::Counted;

/// How many places of malformed records in a batch are logged.
const REPORTED_PLACES: usize = 20;

/// Answers a request off the network. To `HEAD` the runtime sends all of the answer but its body.
pub(crate) async fn answer(request: &Request, env: &Env) -> worker::Result<Response> {
    let request_id = http::request_id(request);
    let url = request.url();
    let found = Target::parse(&url).and_then(|target| Ok((target, Route::parse(target.path)?)));
    let answered = match &found {
        Ok((_, Route::Index)) => index(&request.method()),
        Ok((target, Route::Tenant(wanted))) => {
            serve(request, env, &url, target, wanted, &request_id).await
        }
        Err(fault) => Err(fault.clone()),
    };
    let mut fault = match answered {
        Ok(response) => return Ok(response),
        Err(fault) => fault,
    };
    if fault.is_failed_authentication() && Counted::FailedAuthentication.exceeds(env, request).await
    {
        fault = Fault::TooManyRequests;
    }
    let (tenant, endpoint) = match &found {
        Ok((_, Route::Tenant(wanted))) => (wanted.tenant.domain(), wanted.endpoint.name()),
        Ok((_, Route::Index)) => (String::new(), Endpoint::Index.name()),
        Err(_) => (String::new(), "none"),
    };
    let refused = Refused {
        tenant: &tenant,
        endpoint,
        request_id: Some(&request_id),
    };
    report::refused(refused, &fault);
    http::fault(&fault, &request_id)
}

async fn serve(
    request: &Request,
    env: &Env,
    url: &str,
    target: &Target<'_>,
    wanted: &Wanted<'_>,
    request_id: &str,
) -> Result<Response, Fault> {
    let Wanted {
        tenant,
        endpoint,
        internal_path,
    } = wanted;
    let method = request.method();
    let config = environment::config(env);
    if config.as_ref().is_ok_and(|config| !config.serves(tenant)) {
        return Err(Fault::NotFound);
    }
    endpoint.check_method(&method)?;
    if method == "OPTIONS" {
        return http::preflight(*endpoint).map_err(report::internal("response"));
    }
    let config = config?;
    let call = Call {
        request,
        config: &config,
        object: TenantObject {
            env,
            tenant,
            shard: None,
            request_id,
        },
        hub_url: format!("{}{internal_path}", target.origin),
    };
    match endpoint {
        Endpoint::Index => index(&method),
        Endpoint::WorkerDebug => http::json(&WorkerDebug {
            host: target.host,
            url,
            path: target.path,
            internal_path,
            tenant: tenant.to_string(),
            tenant_domain: tenant.domain(),
        })
        .map_err(report::internal("response")),
        Endpoint::Console(file) => console::answer(request, env, &config, tenant, *file).await,
        Endpoint::ObjectDebug => call.ask_anonymously(&HubRequest::Debug).await,
        Endpoint::Publish => call.publish().await,
        Endpoint::Subscribe => call.subscribe(target).await,
        Endpoint::Listeners => call.listeners().await,
        Endpoint::Events => call.read(&HubRequest::Events).await,
        Endpoint::Revocations => call.revocations(target).await,
        Endpoint::Introspect => call.introspect().await,
        Endpoint::Health => call.ask_anonymously(&HubRequest::Health).await,
    }
}

/// One of so many, by chance: nobody can choose which, so nobody can fill one alone.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least 0 and less than the number of shards"
)]
fn any_of(shards: u16) -> u16 {
    let place = Math::random() * f64::from(shards);
    (place as u16).saturating_add(1)
}

fn index(method: &str) -> Result<Response, Fault> {
    Endpoint::Index.check_method(method)?;
    let response = if method == "OPTIONS" {
        http::preflight(Endpoint::Index)
    } else {
        http::json(&Index {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
        })
    };
    response.map_err(report::internal("response"))
}

/// A request for a tenant that is served.
struct Call<'a> {
    request: &'a Request,
    config: &'a Config,
    object: TenantObject<'a>,
    /// The URL under which the object sees the request: without the tenant's segment.
    hub_url: String,
}

impl Call<'_> {
    async fn ask_hub(&self, request: &HubRequest) -> Result<Response, Fault> {
        self.object
            .ask(&self.hub_url, request, Along::Nothing)
            .await
    }

    /// Asks for what anybody may know.
    async fn ask_anonymously(&self, request: &HubRequest) -> Result<Response, Fault> {
        self.count_anonymous().await?;
        self.ask_hub(request).await
    }

    /// Lets pass who may still come to the object without having shown a token.
    async fn count_anonymous(&self) -> Result<(), Fault> {
        if Counted::Anonymous
            .exceeds(self.object.env, self.request)
            .await
        {
            return Err(Fault::TooManyRequests);
        }
        Ok(())
    }

    fn verifier(&self) -> RuntimeVerifier<'_> {
        RuntimeVerifier::Elsewhere(KeySetCopies(self.object))
    }

    async fn verify(&self, token: &str) -> Result<AccessToken, Fault> {
        let verifier = self.verifier();
        access_token::verify(token, self.object.tenant, self.config, &verifier).await
    }

    /// Who may listen to all may also look at all.
    async fn check_sees_everything(&self) -> Result<(), Fault> {
        let authorization = http::header(self.request, "authorization");
        let token = authorization.as_deref().and_then(bearer);
        let token = token.ok_or(TokenFault::Missing)?;
        self.verify(token).await?.check_sees_everything()
    }

    async fn read(&self, request: &HubRequest) -> Result<Response, Fault> {
        self.check_sees_everything().await?;
        self.ask_hub(request).await
    }

    async fn revocations(&self, target: &Target<'_>) -> Result<Response, Fault> {
        let page = PageRequest::parse(target)?;
        let if_none_match = http::header(self.request, "if-none-match");
        self.read(&HubRequest::Revocations(page, if_none_match))
            .await
    }

    /// Tells a backend whether a token that it was shown is still good (RFC 7662).
    async fn introspect(&self) -> Result<Response, Fault> {
        self.check_sees_everything().await?;
        let too_large = Fault::PayloadTooLarge("The form is over 32 KiB; no token is that long.");
        let body = self.body(introspection::MAX_FORM_BYTES, too_large).await?;
        let content_type = http::header(self.request, "content-type");
        let token = introspection::token_from_form(content_type.as_deref(), &body)?;
        let answer = match self.issued(&token).await {
            Ok(token) if self.is_revoked(&token).await? => introspection::inactive_response(),
            Ok(token) => introspection::active_response(&token),
            Err(Fault::InvalidToken(_)) => introspection::inactive_response(),
            Err(fault) => return Err(fault),
        };
        http::json(&answer).map_err(report::internal("response"))
    }

    async fn issued(&self, token: &str) -> Result<IssuedToken, Fault> {
        let verifier = self.verifier();
        access_token::verify_issued(token, self.object.tenant, self.config, &verifier).await
    }

    async fn is_revoked(&self, token: &IssuedToken) -> Result<bool, Fault> {
        let (Some(user_id), session_id) = introspection::user_and_session(token) else {
            return Ok(false);
        };
        let asked = HubRequest::RevokedAt(user_id.to_owned(), session_id.map(str::to_owned));
        let RevokedAt { revoked_at } = self.object.ask_for(&asked).await?.read()?;
        Ok(revoked_at.is_some_and(|revoked_at| is_revoked(token.claims(), revoked_at)))
    }

    async fn body(&self, limit: usize, too_large: Fault) -> Result<Vec<u8>, Fault> {
        let body = http::read_request(self.request, limit).await;
        body.map_err(|unread| match unread {
            Unread::TooLong => too_large,
            Unread::Failed(_) => Fault::InvalidRequest("The body broke off; send it again."),
        })
    }

    async fn subscribe(&self, target: &Target<'_>) -> Result<Response, Fault> {
        if !http::is_websocket_upgrade(self.request) {
            return Err(Fault::UpgradeRequired);
        }
        let authorization = http::header(self.request, "authorization");
        let subprotocols = http::header(self.request, "sec-websocket-protocol");
        let upgrade = Upgrade::parse(authorization.as_deref(), subprotocols.as_deref())?;
        let admission = match upgrade.token {
            None => {
                self.count_anonymous().await?;
                None
            }
            Some(token) => {
                let token = self.verify(token).await?;
                token.listener()?;
                Some(Admission(token, target.parameter("last_event_id")))
            }
        };
        let subscribe = HubRequest::Subscribe(admission, upgrade.answers_subprotocol);
        self.holder()
            .ask(&self.hub_url, &subscribe, Along::Upgrade)
            .await
    }

    /// The object that a new socket goes to: one shard is as good as another.
    fn holder(&self) -> TenantObject<'_> {
        TenantObject {
            shard: self.config.shards().map(any_of),
            ..self.object
        }
    }

    /// Says who listens, wherever they are.
    async fn listeners(&self) -> Result<Response, Fault> {
        let Some(shards) = self.config.shards() else {
            return self.read(&HubRequest::Listeners).await;
        };
        self.check_sees_everything().await?;
        let everywhere = iter::once(None).chain((1..=shards).map(Some));
        // One within the other, so that all are asked at once: `join_all` would bring a queue of its
        // own into what is deployed.
        let none: LocalBoxFuture<Result<_, Fault>> = ready(Ok(Vec::new())).boxed_local();
        let connections = everywhere.fold(none, |before, shard| {
            let both = async move {
                let (before, here) = join(before, self.connections_of(shard)).await;
                let (mut all, here) = (before?, here?);
                all.extend(here);
                Ok(all)
            };
            both.boxed_local()
        });
        let connections: Vec<_> = connections.await?;
        http::json(&ListenersBody {
            count: connections.len(),
            connections,
        })
        .map_err(report::internal("response"))
    }

    async fn connections_of(&self, shard: Option<u16>) -> Result<Vec<Box<RawValue>>, Fault> {
        let object = TenantObject {
            shard,
            ..self.object
        };
        let Object(ListenersBody { connections, .. }) =
            object.ask_for(&HubRequest::Listeners).await?.read()?;
        Ok(connections)
    }

    async fn publish(&self) -> Result<Response, Fault> {
        let tenant = self.object.tenant;
        let secrets = environment::publish_secrets(self.object.env)?;
        let authorization = http::header(self.request, "authorization");
        secrets.authorize(tenant, authorization.as_deref())?;
        let too_large =
            Fault::PayloadTooLarge("The body is over 5 MiB; publish in smaller batches.");
        let body = self.body(MAX_BODY_BYTES, too_large).await?;
        let batch = event::read_batch(&body, tenant, self.config.event_types(), clock::now())?;
        if !batch.malformed.is_empty() {
            let some: Vec<_> = batch.malformed.iter().take(REPORTED_PLACES).collect();
            let (count, received) = (batch.malformed.len(), batch.received);
            let detail = format!("{count} of {received} records, at {some:?}");
            report::warning("malformed_records", &tenant.domain(), &detail);
        }
        let receipt = PublishReceipt::before_storing(&batch);
        if batch.events.is_empty() {
            // Most of a log ends no session.
            return http::json(&receipt).map_err(report::internal("response"));
        }
        let publication = Publication {
            events: batch.events,
        };
        let body = serde_json::to_string(&publication);
        let body = body.map_err(|error| Fault::internal("publish", error))?;
        let publish = HubRequest::Publish(receipt);
        self.object
            .ask(&self.hub_url, &publish, Along::Body(&body))
            .await
    }
}
