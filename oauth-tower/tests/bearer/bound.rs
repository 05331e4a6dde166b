//! Tokens that are bound to a key, and what a verifier gets to see of a request.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oauth_core::{
    token::{PresentedToken, TokenScheme},
    types::{Confirmation, Secret},
};
use oauth_tower::bearer::{BearerLayer, TokenVerifier, Unavailable, UnprovenToken};

use crate::support::{get, request, send, token};

/// Finds every token valid, and bound if it is called so, and keeps what it was asked about.
#[derive(Clone, Default)]
struct Careless(Arc<Mutex<Vec<PresentedToken>>>);

#[async_trait]
impl TokenVerifier for Careless {
    async fn verify(
        &self,
        presented: &PresentedToken,
    ) -> Result<Option<UnprovenToken>, Unavailable> {
        self.0.lock().unwrap().push(presented.clone());
        let mut token = token("read", &[]);
        token.confirmation = match presented.token.expose() {
            "key" => Some(Confirmation::Jwk([1; 32])),
            "certificate" => Some(Confirmation::Certificate([1; 32])),
            _ => None,
        };
        Ok(Some(UnprovenToken::new(token)))
    }
}

impl Careless {
    fn last(&self) -> PresentedToken {
        self.0.lock().unwrap().pop().unwrap()
    }
}

/// 9449-7.1: the layer lets no bound token through, whatever its verifier thinks of it.
#[tokio::test]
async fn a_bound_token_is_refused() {
    let layer = BearerLayer::new(Careless::default());
    for layer in [layer.clone(), layer.optional()] {
        for (authorization, status) in [
            ("Bearer free", 200),
            ("DPoP free", 401),
            ("Bearer key", 401),
            ("DPoP key", 401),
            ("Bearer certificate", 401),
            ("DPoP certificate", 401),
        ] {
            let headers = [("authorization", authorization), ("dpop", "not verified")];
            let answer = send(&layer, get("/", &headers)).await;
            assert_eq!(answer.status.as_u16(), status, "{authorization}");
            if status == 401 {
                let error = answer.attribute("error");
                assert_eq!(error.as_deref(), Some("invalid_token"), "{authorization}");
            }
        }
    }
}

/// A proof is compared with the API's own URL, not with the one that the request names.
#[tokio::test]
async fn a_verifier_sees_the_request() {
    let verifier = Careless::default();
    let layer = BearerLayer::new(verifier.clone());
    let headers = [
        ("authorization", "dpop key"),
        ("dpop", "one"),
        ("dpop", "two"),
        ("host", "evil.example"),
    ];
    for (base, url) in [
        (None, None),
        (
            Some("https://api.example/v1"),
            Some("https://api.example/v1/notes"),
        ),
    ] {
        let layer = match base {
            Some(base) => layer.clone().base_url(base),
            None => layer.clone(),
        };
        send(
            &layer,
            request("PATCH", "https://evil.example/notes?q=1", &headers, ""),
        )
        .await;
        let seen = verifier.last();
        assert_eq!(seen.scheme, TokenScheme::Dpop);
        assert_eq!(seen.method, "PATCH");
        assert_eq!(seen.url.as_deref(), url);
        let proofs: Vec<_> = seen.dpop_proofs.iter().map(Secret::expose).collect();
        assert_eq!(proofs, ["one", "two"]);
    }
    send(&layer, get("/", &[("authorization", "Bearer free")])).await;
    let seen = verifier.last();
    assert_eq!((seen.scheme, &*seen.method), (TokenScheme::Bearer, "GET"));
    assert!(seen.dpop_proofs.is_empty() && seen.certificate.is_none());
}
