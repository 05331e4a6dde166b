//! The steps of the flows, as a client, a browser and a user take them.

use super::{
    Does, Fixture,
    call::{Answer, Pairs, changed, pairs},
    clients::redirect_uri,
    yes,
};

/// The verifier and its challenge of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// All that the grammar of `state` has (RFC 6749 App. A.5) and that somebody could forget to encode.
pub const STATE: &str = "5tate & = + % \"\\~<'>&lt;&#39;";

/// A good authorization request.
pub fn ask(client: &str) -> Pairs {
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

/// A good token request with a code.
pub fn exchange(client: &str, code: &str) -> Pairs {
    pairs(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &redirect_uri(client)),
        ("code_verifier", VERIFIER),
    ])
}

/// What a token request gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Fixture {
    /// What the browser gets for an authorization request with these changes, if the user approves.
    pub async fn approved(&self, client: &str, changes: &[(&str, &str)]) -> Answer {
        self.host.does(Does::Approve(yes()));
        let answer = self.visit(&changed(ask(client), changes), None).await;
        self.host.does(Does::Ask);
        answer
    }

    /// A code.
    pub async fn code(&self, client: &str) -> String {
        self.code_with(client, &[]).await
    }

    /// A code for an authorization request with these changes.
    pub async fn code_with(&self, client: &str, changes: &[(&str, &str)]) -> String {
        let params = self.approved(client, changes).await.to_client();
        params
            .get("code")
            .unwrap_or_else(|| panic!("{params:?}"))
            .to_owned()
    }

    /// A token request with a code, with these changes.
    pub async fn redeem(&self, client: &str, code: &str, changes: &[(&str, &str)]) -> Answer {
        let params = changed(exchange(client, code), changes);
        self.send(super::call::form_of(client, "/token", &params))
            .await
    }

    /// The tokens of a whole flow.
    pub async fn tokens(&self, client: &str) -> Tokens {
        self.tokens_with(client, &[]).await
    }

    /// The tokens of a whole flow whose authorization request has these changes.
    pub async fn tokens_with(&self, client: &str, changes: &[(&str, &str)]) -> Tokens {
        let code = self.code_with(client, changes).await;
        let answer = self.redeem(client, &code, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens {
            access: answer.member("access_token"),
            refresh: answer.member("refresh_token"),
        }
    }

    pub async fn refresh(&self, client: &str, token: &str, more: &[(&str, &str)]) -> Answer {
        let base = pairs(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        let params = changed(base, more);
        self.send(super::call::form_of(client, "/token", &params))
            .await
    }

    /// What the inspector is told about a token.
    pub async fn inspect(&self, token: &str) -> serde_json::Value {
        let answer = self
            .call(
                super::clients::INSPECTOR,
                "/introspect",
                &[("token", token)],
            )
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub async fn is_active(&self, token: &str) -> bool {
        self.inspect(token).await["active"].as_bool().unwrap()
    }
}
