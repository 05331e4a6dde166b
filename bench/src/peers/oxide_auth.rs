//! `oxide-auth` 0.6 over its maps, behind a lock, as its flows want to change them.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use oxide_auth::{
    endpoint::{AccessTokenFlow, ClientCredentialsFlow, OwnerConsent, RefreshFlow, Solicitation},
    frontends::simple::{
        endpoint::{
            FnSolicitor, Generic, Vacant, client_credentials_flow, refresh_flow, resource_flow,
        },
        extensions::{AddonList, Extended, Pkce},
        request::{Request as Simple, Response, Status},
    },
    primitives::{
        grant::{Extensions, Grant, GrantExtension as _},
        prelude::{AuthMap, ClientMap, RandomGenerator, Scope, TokenMap},
        registrar::{Client, PasswordPolicy, RegisteredUrl, RegistrarError},
    },
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    Error,
    demo::{CLIENT, REDIRECT_URI, SCOPE, SECRET, resource},
    peers::pkce,
    serve::{Codes, Site},
};

/// What its flows borrow.
struct Maps {
    clients: ClientMap,
    codes: AuthMap<RandomGenerator>,
    tokens: TokenMap<RandomGenerator>,
    scopes: Vec<Scope>,
}

/// The maps, and the endpoints over them.
#[derive(Clone)]
pub(super) struct OxideAuth(Arc<Mutex<Maps>>);

/// As here: a digest. Its own policy is argon2, which is for secrets that people choose and takes milliseconds.
struct Sha256Policy;

impl PasswordPolicy for Sha256Policy {
    fn store(&self, _: &str, secret: &[u8]) -> Vec<u8> {
        Sha256::digest(secret).to_vec()
    }

    fn check(&self, _: &str, secret: &[u8], stored: &[u8]) -> Result<(), RegistrarError> {
        if bool::from(Sha256::digest(secret).as_slice().ct_eq(stored)) {
            Ok(())
        } else {
            Err(RegistrarError::Unspecified)
        }
    }
}

impl OxideAuth {
    pub(super) fn new() -> Result<Self, Error> {
        let mut clients = ClientMap::new();
        clients.set_password_policy(Sha256Policy);
        let redirect_uri: url::Url = REDIRECT_URI.parse()?;
        let scope: Scope = SCOPE.parse().map_err(|error| format!("{error:?}"))?;
        clients.register_client(Client::confidential(
            CLIENT,
            RegisteredUrl::Semantic(redirect_uri),
            scope.clone(),
            SECRET.as_bytes(),
        ));
        Ok(Self(Arc::new(Mutex::new(Maps {
            clients,
            codes: AuthMap::new(RandomGenerator::new(32)),
            tokens: TokenMap::new(RandomGenerator::new(32)),
            scopes: vec![scope],
        }))))
    }

    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self, request: Simple) -> Response {
        let grant_type = request.urlbody.get("grant_type").cloned();
        let mut maps = self.maps();
        let Maps {
            clients,
            codes,
            tokens,
            ..
        } = &mut *maps;
        let answer = match grant_type.as_deref() {
            Some("client_credentials") => {
                let mut solicitor = FnSolicitor(|_: &mut Simple, _: Solicitation<'_>| {
                    OwnerConsent::Authorized(CLIENT.to_owned())
                });
                let mut flow: ClientCredentialsFlow<_, _> =
                    client_credentials_flow(clients, tokens, &mut solicitor);
                flow.allow_refresh_token(false);
                flow.execute(request).ok()
            }
            Some("refresh_token") => {
                let mut flow: RefreshFlow<_, _> = refresh_flow(clients, tokens);
                flow.execute(request).ok()
            }
            _ => {
                let mut addons = AddonList::new();
                addons.push_code(Pkce::required());
                let endpoint = Extended::extend_with(
                    Generic {
                        registrar: &*clients,
                        authorizer: &mut *codes,
                        issuer: &mut *tokens,
                        solicitor: Vacant,
                        scopes: Vacant,
                        response: Vacant,
                    },
                    addons,
                );
                let flow: Result<AccessTokenFlow<_, _>, _> = AccessTokenFlow::prepare(endpoint);
                flow.ok().and_then(|mut flow| flow.execute(request).ok())
            }
        };
        answer.unwrap_or_else(|| Response {
            status: Status::BadRequest,
            ..Response::default()
        })
    }

    fn is_allowed(&self, authorization: Option<String>) -> bool {
        let mut maps = self.maps();
        let Maps { tokens, scopes, .. } = &mut *maps;
        let request = Simple {
            auth: authorization,
            ..Simple::default()
        };
        resource_flow(tokens, scopes).execute(request).is_ok()
    }
}

impl Site for OxideAuth {
    type Body = Full<Bytes>;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = http::Response<Full<Bytes>>> + Send + use<> {
        let site = self.clone();
        async move {
            let authorization = request.headers().get(header::AUTHORIZATION);
            let auth = authorization.and_then(|value| Some(value.to_str().ok()?.to_owned()));
            if request.uri().path() == "/resource" {
                let mut response = resource();
                if !site.is_allowed(auth) {
                    *response.status_mut() = StatusCode::UNAUTHORIZED;
                }
                return response;
            }
            let body = request.into_body().collect().await;
            let body = body
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            let urlbody: HashMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
            rendered(site.token(Simple {
                urlbody,
                auth,
                ..Simple::default()
            }))
        }
    }

    async fn codes(&self, count: usize) -> Result<Codes, Error> {
        let redirect_uri: url::Url = REDIRECT_URI.parse()?;
        let mut codes = Codes::with_capacity(count);
        for number in 0..count {
            let (verifier, challenge) = pkce(number);
            let checked = Pkce::required();
            let proof = checked
                .challenge(Some(Cow::Borrowed("S256")), Some(Cow::Owned(challenge)))
                .map_err(|()| "a challenge is refused")?
                .ok_or("a challenge is lost")?;
            let mut extensions = Extensions::new();
            extensions.set_raw(checked.identifier().to_owned(), proof);
            let mut maps = self.maps();
            let scope = maps.scopes[0].clone();
            let code = oxide_auth::primitives::authorizer::Authorizer::authorize(
                &mut maps.codes,
                Grant {
                    owner_id: format!("user {:04}", number % 10_000),
                    client_id: CLIENT.to_owned(),
                    scope,
                    redirect_uri: redirect_uri.clone(),
                    until: chrono::Utc::now() + chrono::Duration::hours(1),
                    extensions,
                },
            );
            codes.push(&code.map_err(|()| "no code is issued")?, &verifier);
        }
        Ok(codes)
    }

    async fn mint(&self) -> Result<(), Error> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};

        let answer = self.token(Simple {
            urlbody: [("grant_type".to_owned(), "client_credentials".to_owned())].into(),
            auth: Some(format!(
                "Basic {}",
                STANDARD.encode(format!("{CLIENT}:{SECRET}"))
            )),
            ..Simple::default()
        });
        if answer.status == Status::Ok {
            Ok(())
        } else {
            Err(format!("a token is refused: {answer:?}").into())
        }
    }
}

fn rendered(answer: Response) -> http::Response<Full<Bytes>> {
    let body = answer
        .body
        .map(|body| body.as_str().to_owned())
        .unwrap_or_default();
    let mut response = http::Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = match answer.status {
        Status::Ok => StatusCode::OK,
        Status::Redirect => StatusCode::FOUND,
        Status::BadRequest => StatusCode::BAD_REQUEST,
        Status::Unauthorized => StatusCode::UNAUTHORIZED,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
