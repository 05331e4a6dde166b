//! `oauth-as` 1.x over its memory store, by its own HTTP service.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use oauth_as::{
    authorization::AuthorizationRequest,
    client::{Client, ClientAuth, ClientId, SecretHash},
    grant::GrantType,
    http::{AuthorizationService, ServiceBuilder},
    scope::ScopeSet,
    server::{AuthorizationServer, ServerConfig, SystemClock, TokenRequest, UserApproval},
    store::MemoryStorage,
};

use crate::{
    Error,
    demo::{CLIENT, REDIRECT_URI, SCOPE, SECRET, resource},
    peers::pkce,
    serve::{Codes, Site},
};

/// The server, and its service.
#[derive(Clone)]
pub(super) struct OauthAs {
    server: Arc<AuthorizationServer<MemoryStorage>>,
    service: Arc<AuthorizationService<MemoryStorage, SystemClock>>,
}

impl OauthAs {
    pub(super) async fn new() -> Result<Self, Error> {
        let mut config = ServerConfig::new("https://login.example", "https://login.example/device");
        config.token_endpoint = Some("https://login.example/token".into());
        config.introspection_endpoint = Some("https://login.example/introspect".into());
        let server = AuthorizationServer::new(config, MemoryStorage::new());
        let scope = ScopeSet::parse(SCOPE).map_err(|error| format!("{error:?}"))?;
        let registered = server.register_client(Client {
            client_id: ClientId::new(CLIENT),
            // As here: a digest and no secret.
            auth: ClientAuth::ConfidentialSecretHash {
                hash: SecretHash::sha256(SECRET),
            },
            grant_types: vec![
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ],
            redirect_uris: vec![REDIRECT_URI.into()],
            allowed_scopes: scope.clone(),
            default_scopes: scope,
            name: None,
            registration: None,
        });
        registered.await.map_err(|error| format!("{error:?}"))?;
        let server = Arc::new(server);
        let service = ServiceBuilder::new(Arc::clone(&server))
            .dangerously_disable_verification_protections()
            .build()
            .map_err(|error| format!("{error:?}"))?;
        Ok(Self {
            server,
            service: Arc::new(service),
        })
    }
}

impl Site for OauthAs {
    type Body = http_body_util::Either<oauth_as::http::Body, Full<Bytes>>;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send + use<> {
        let Self { server, service } = self.clone();
        async move {
            if request.uri().path() != "/resource" {
                return service
                    .handle(request)
                    .await
                    .map(http_body_util::Either::Left);
            }
            // It has no layer for resource servers, so this is one by its own look-up.
            let authorization = request.headers().get(header::AUTHORIZATION);
            let token = authorization
                .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
                .unwrap_or_default();
            let found = server.introspect(token).await.ok().flatten();
            let mut response = resource();
            if found.is_none_or(|token| token.scope.to_string() != SCOPE) {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
            response.map(http_body_util::Either::Right)
        }
    }

    async fn codes(&self, count: usize) -> Result<Codes, Error> {
        let mut codes = Codes::with_capacity(count);
        for number in 0..count {
            let (verifier, challenge) = pkce(number);
            let request = AuthorizationRequest::from_pairs([
                ("response_type", "code"),
                ("client_id", CLIENT),
                ("redirect_uri", REDIRECT_URI),
                ("scope", SCOPE),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ]);
            let valid = self.server.validate_authorization_request(&request).await;
            let valid = valid.map_err(|error| format!("{error:?}"))?;
            let subject = format!("user {:04}", number % 10_000);
            let approval = UserApproval::granted(&valid, subject);
            let issued = self.server.issue_authorization_code(approval).await;
            let issued = issued.map_err(|error| format!("{error:?}"))?;
            codes.push(&issued.code, &verifier);
        }
        Ok(codes)
    }

    async fn mint(&self) -> Result<(), Error> {
        let request = TokenRequest::ClientCredentials {
            client_id: ClientId::new(CLIENT),
            client_secret: Some(SECRET.into()),
            scope: None,
        };
        let issued = self.server.token(request).await;
        issued
            .map(drop)
            .map_err(|error| format!("{error:?}").into())
    }
}
