//! The steps of the flows, as a client, a browser and a user take them.

use std::collections::BTreeMap;

use oauth_core::{
    authorize::{
        Approval, AuthorizationResponse, Browser, Interaction, InteractionDenial, Settled, Verdict,
    },
    client::{Authorization, ClientRequest},
    error::Error,
    grant::TokenDenial,
    random::Random,
    server::AuthorizeAnswer,
    token::{IntrospectionResponse, PresentedToken, RevocationDenial, TokenResponse},
    types::{Params, Secret},
};

use super::{
    Answered, Fixture,
    clients::{POST, client_secret, is_public, redirect_uri},
    scope, secret, subject,
};

/// The verifier and its challenge of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const STATE: &str = "5tate & = + % \"\\~";

pub type Pairs = Vec<(String, String)>;

/// A list of parameters.
pub fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// `base` with `changes`: a parameter in both gets the new value, `-name` takes one away, `+name` repeats it.
pub fn changed(mut base: Pairs, changes: &[(&str, &str)]) -> Pairs {
    for (name, value) in changes {
        if let Some(name) = name.strip_prefix('-') {
            base.retain(|(own, _)| own != name);
        } else if let Some(name) = name.strip_prefix('+') {
            base.push((name.to_owned(), (*value).to_owned()));
        } else {
            base.retain(|(own, _)| own != name);
            base.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    base
}

/// A good authorization request.
pub fn authorization_request(client: &str) -> Pairs {
    pairs(&[
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", &redirect_uri(client)),
        ("scope", "read"),
        ("state", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ])
}

/// A request of a client that authenticates as it is registered.
pub fn from(client: &str, params: &[(&str, &str)]) -> ClientRequest {
    let mut own = pairs(params);
    let mut authorization = None;
    if is_public(client) {
        own.extend(pairs(&[("client_id", client)]));
    } else if client == POST {
        own.extend(pairs(&[
            ("client_id", client),
            ("client_secret", &client_secret(client)),
        ]));
    } else {
        authorization = Some(basic(client, &client_secret(client)));
    }
    ClientRequest::new(own.into_iter().collect()).authorization(authorization)
}

pub fn basic(client: &str, password: &str) -> Authorization {
    Authorization::Basic {
        client_id: client.into(),
        secret: secret(password),
    }
}

/// A good request to exchange a code.
pub fn exchange<'a>(code: &'a str, redirect_uri: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
    ]
}

pub fn browser(seed: u8) -> Browser {
    Browser::new(&mut Random::from_seed([seed; 32]))
}

pub fn approve(user: &str) -> Approval {
    Approval::new(subject(user))
}

/// The parameters of a response.
pub fn answered(response: &AuthorizationResponse) -> BTreeMap<String, String> {
    response
        .params()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The code in a response.
pub fn code_in(response: &AuthorizationResponse) -> String {
    answered(response)["code"].clone()
}

/// The outcome of a token request as the wire tells it: `ok` or the error code.
pub fn wire(answer: &Result<TokenResponse, TokenDenial>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(denial) => denial.refusal().code.as_str(),
    }
}

impl Fixture {
    pub async fn authorize(&self, params: Pairs, browser: &Browser) -> AuthorizeAnswer {
        let params: Params = params.into_iter().collect();
        self.server.authorize(params, browser).await.unwrap()
    }

    /// A pending request of a client, with changes.
    pub async fn pend(&self, client: &str, changes: &[(&str, &str)]) -> Interaction {
        let params = changed(authorization_request(client), changes);
        match self.authorize(params, &browser(1)).await {
            AuthorizeAnswer::Interact(interaction) => interaction,
            other => panic!("{other:?}"),
        }
    }

    pub async fn settle(
        &self,
        interaction: &Interaction,
        verdict: Verdict,
    ) -> Result<Settled, InteractionDenial> {
        self.server
            .settle(&interaction.handle, Some(&browser(1)), &verdict)
            .await
            .outcome()
    }

    /// A code for a client and a user, of a request with changes.
    pub async fn code_for(&self, client: &str, user: &str, changes: &[(&str, &str)]) -> String {
        let interaction = self.pend(client, changes).await;
        let settled = self.settle(&interaction, Verdict::Approve(approve(user)));
        code_in(&settled.await.unwrap().response)
    }

    pub async fn code(&self, client: &str) -> String {
        self.code_for(client, "alice", &[]).await
    }

    pub async fn try_token(
        &self,
        request: &ClientRequest,
    ) -> Result<TokenResponse, Error<TokenDenial>> {
        self.server.token(request).await
    }

    pub async fn token(&self, request: &ClientRequest) -> Result<TokenResponse, TokenDenial> {
        self.try_token(request).await.outcome()
    }

    /// Exchanges a code as the client should.
    pub async fn redeem(&self, client: &str, code: &str) -> Result<TokenResponse, TokenDenial> {
        self.token(&from(client, &exchange(code, &redirect_uri(client))))
            .await
    }

    /// The tokens of a client and a user, with a scope.
    pub async fn tokens_for(
        &self,
        client: &str,
        user: &str,
        changes: &[(&str, &str)],
    ) -> TokenResponse {
        let code = self.code_for(client, user, changes).await;
        self.redeem(client, &code).await.unwrap()
    }

    pub async fn tokens(&self, client: &str) -> TokenResponse {
        self.tokens_for(client, "alice", &[]).await
    }

    pub async fn refresh(
        &self,
        client: &str,
        token: &Secret,
        params: &[(&str, &str)],
    ) -> Result<TokenResponse, TokenDenial> {
        let mut all = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", token.expose()),
        ];
        all.extend(params);
        self.token(&from(client, &all)).await
    }

    pub async fn is_valid(&self, token: &Secret) -> bool {
        self.server
            .validate(&PresentedToken::bearer(token.clone()))
            .await
            .unwrap()
            .is_some()
    }

    /// Whether the inspector is told that the token is active.
    pub async fn is_active(&self, token: &Secret) -> bool {
        self.introspect(super::clients::INSPECTOR, token).await != IntrospectionResponse::Inactive
    }

    pub async fn introspect(&self, caller: &str, token: &Secret) -> IntrospectionResponse {
        let request = from(caller, &[("token", token.expose())]);
        self.server.introspect(&request).await.unwrap()
    }

    pub async fn revoke(&self, client: &str, token: &Secret) -> Result<(), RevocationDenial> {
        let request = from(client, &[("token", token.expose())]);
        self.server.revoke(&request).await.outcome()
    }
}

/// The refresh token of an answer.
pub fn refresh_token(response: &TokenResponse) -> &Secret {
    response.refresh_token.as_ref().unwrap()
}

/// An approval of less than was asked.
pub fn narrowed(user: &str, to: &str) -> Verdict {
    Verdict::Approve(approve(user).only(scope(to)))
}

/// An approval that is to be remembered.
pub fn remembered(user: &str) -> Verdict {
    Verdict::Approve(approve(user).remembered())
}
