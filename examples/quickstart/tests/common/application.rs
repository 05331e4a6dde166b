//! Applications, by the `oauth2` crate.

use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponse, BasicTokenResponse},
};
use url::Url;

use super::{Http, Page, Quickstart};

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Why there are no tokens.
pub type Error = RequestTokenError<std::io::Error, BasicErrorResponse>;

/// An application that is registered with the server.
#[derive(Clone)]
pub struct Application {
    pub id: String,
    secret: Option<String>,
    redirect_uri: String,
    method: AuthType,
}

/// What an application keeps while its user is away.
pub struct Begun {
    pub url: Url,
    pub state: CsrfToken,
    pub verifier: String,
}

/// What an application gets.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: Option<String>,
    pub scope: Option<String>,
    pub expires_in: Option<u64>,
}

impl Application {
    pub fn confidential(id: &str, secret: &str, redirect_uri: &str) -> Self {
        Self {
            secret: Some(secret.to_owned()),
            ..Self::public(id, redirect_uri)
        }
    }

    pub fn public(id: &str, redirect_uri: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: None,
            redirect_uri: redirect_uri.to_owned(),
            method: AuthType::BasicAuth,
        }
    }

    /// The same with its secret in the body.
    #[must_use]
    pub fn by_post(self) -> Self {
        Self {
            method: AuthType::RequestBody,
            ..self
        }
    }

    fn client(&self, server: &Quickstart) -> Client {
        let client = BasicClient::new(ClientId::new(self.id.clone()))
            .set_auth_uri(AuthUrl::new(server.url("/authorize")).expect("a URL"))
            .set_token_uri(TokenUrl::new(server.url("/token")).expect("a URL"))
            .set_redirect_uri(RedirectUrl::new(self.redirect_uri.clone()).expect("a URL"))
            .set_auth_type(self.method.clone());
        match &self.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.clone())),
            None => client,
        }
    }

    /// Begins: where to send the user.
    pub fn begin(&self, server: &Quickstart, scope: &str, extra: &[(&str, &str)]) -> Begun {
        let client = self.client(server);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(
                scope
                    .split_whitespace()
                    .map(|scope| Scope::new(scope.to_owned())),
            )
            .set_pkce_challenge(challenge);
        for (name, value) in extra {
            request = request.add_extra_param(*name, *value);
        }
        let (url, state) = request.url();
        Begun {
            url,
            state,
            verifier: verifier.into_secret(),
        }
    }

    /// Takes the user back, and exchanges the code.
    pub async fn finish(
        &self,
        server: &Quickstart,
        begun: &Begun,
        returned: &Page,
    ) -> Result<Tokens, Error> {
        assert_eq!(
            returned.param("state").as_deref(),
            Some(begun.state.secret().as_str()),
            "{:?}",
            returned.url
        );
        let code = returned.param("code").expect("a code");
        self.exchange(server, begun, &code, &[]).await
    }

    pub async fn exchange(
        &self,
        server: &Quickstart,
        begun: &Begun,
        code: &str,
        extra: &[(&str, &str)],
    ) -> Result<Tokens, Error> {
        let client = self.client(server);
        let http = Http::default();
        let mut request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()));
        for (name, value) in extra {
            request = request.add_extra_param(*name, *value);
        }
        let response = request
            .request_async(&|request| {
                let http = http.clone();
                async move { http.exchange(request).await }
            })
            .await?;
        Ok(Tokens::from(&response))
    }

    pub async fn refresh(
        &self,
        server: &Quickstart,
        token: &str,
        scope: Option<&str>,
    ) -> Result<Tokens, Error> {
        let client = self.client(server);
        let http = Http::default();
        let token = RefreshToken::new(token.to_owned());
        let mut request = client.exchange_refresh_token(&token);
        if let Some(scope) = scope {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        let response = request
            .request_async(&|request| {
                let http = http.clone();
                async move { http.exchange(request).await }
            })
            .await?;
        Ok(Tokens::from(&response))
    }

    pub async fn client_credentials(
        &self,
        server: &Quickstart,
        scope: &str,
    ) -> Result<Tokens, Error> {
        let client = self.client(server);
        let http = Http::default();
        let response = client
            .exchange_client_credentials()
            .add_scope(Scope::new(scope.to_owned()))
            .request_async(&|request| {
                let http = http.clone();
                async move { http.exchange(request).await }
            })
            .await?;
        Ok(Tokens::from(&response))
    }
}

impl From<&BasicTokenResponse> for Tokens {
    fn from(response: &BasicTokenResponse) -> Self {
        let scopes = response.scopes();
        Self {
            access: response.access_token().secret().clone(),
            refresh: response.refresh_token().map(|token| token.secret().clone()),
            scope: scopes.map(|scopes| {
                let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
                scopes.join(" ")
            }),
            expires_in: response.expires_in().map(|lifetime| lifetime.as_secs()),
        }
    }
}

/// The error code that the server answered with.
pub fn refused(result: Result<Tokens, Error>) -> String {
    match result {
        Err(RequestTokenError::ServerResponse(response)) => response.error().to_string(),
        other => panic!("not refused: {other:?}"),
    }
}
