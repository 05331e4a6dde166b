//! Runs the program on a socket. The `oauth2` crate cannot ask for a grant that it does not know, but it reads the answers, and
//! looks at the tokens.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use oauth_core::time::{Clock, Timestamp};
use oauth2::{
    AccessToken, AuthType, ClientSecret, IntrospectionUrl, StandardErrorResponse,
    TokenIntrospectionResponse, TokenResponse,
    basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse},
};
use test_client::{Browser, Shown};

use super::*;

/// A clock that only moves when it is told to.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::Relaxed))
    }
}

struct Running {
    issuer: Issuer,
    kiosk: Kiosk,
    clock: Arc<Hand>,
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let issuer = Issuer::new(&issuer).unwrap();
    let clock = Arc::new(Hand(AtomicU64::new(1_000_000_000)));
    let server = server(issuer.clone())
        .unwrap()
        .clock(clock.clone())
        .build()
        .unwrap();
    let kiosk = Kiosk::new(server.clone(), "hall");
    tokio::spawn(async { axum::serve(listener, app(server)).await });
    Running {
        issuer,
        kiosk,
        clock,
    }
}

type Answer = Result<BasicTokenResponse, BasicErrorResponseType>;

impl Running {
    async fn show(&self) -> String {
        self.kiosk
            .show(&Subject::new("ticket-1").unwrap())
            .await
            .unwrap()
    }

    async fn exchange(&self, pin: &str) -> Answer {
        self.exchange_with(&[("kiosk", "hall"), ("pin", pin)]).await
    }

    async fn exchange_with(&self, params: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", KIOSK_PIN), ("client_id", "museum-app")];
        form.extend(params);
        let Shown { status, page, .. } = Browser::default()
            .post(&self.issuer.endpoint("/token"), &form)
            .await;
        if status.is_success() {
            return Ok(serde_json::from_str(&page).unwrap());
        }
        let error: StandardErrorResponse<BasicErrorResponseType> =
            serde_json::from_str(&page).unwrap();
        Err(error.error().clone())
    }

    /// Who an exhibit is told that a token is for; `None` if it is not good.
    async fn visitor(&self, token: &AccessToken) -> Option<String> {
        let about = BasicClient::new(oauth2::ClientId::new("exhibits".into()))
            .set_client_secret(ClientSecret::new("exhibits-secret".into()))
            .set_auth_type(AuthType::BasicAuth)
            .set_introspection_url(
                IntrospectionUrl::new(self.issuer.endpoint("/introspect")).unwrap(),
            )
            .introspect(token)
            .request_async(&test_client::http)
            .await
            .unwrap();
        about.active().then(|| about.sub().unwrap().to_owned())
    }
}

/// A PIN that is not this one.
fn wrong(pin: &str) -> String {
    format!("{:06}", (pin.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// All answers to the same request sent many times at once.
async fn at_once(running: &Arc<Running>, pin: &str, times: usize) -> Vec<Answer> {
    let sent: Vec<_> = (0..times)
        .map(|_| {
            let (running, pin) = (Arc::clone(running), pin.to_owned());
            tokio::spawn(async move { running.exchange(&pin).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// What is left of an answer that says that the PIN is no good.
const REFUSED: Option<BasicErrorResponseType> = Some(BasicErrorResponseType::InvalidGrant);

#[tokio::test]
async fn a_pin_is_exchanged_once_for_a_token_of_its_visitor() {
    let running = start().await;
    let pin = running.show().await;
    let params = [("kiosk", "hall"), ("pin", &pin), ("scope", "map")];
    let token = running.exchange_with(&params).await.unwrap();
    assert_eq!(token.scopes().unwrap().len(), 1);
    let visitor = running.visitor(token.access_token()).await;
    assert_eq!(visitor.as_deref(), Some("ticket-1"));
    assert_eq!(running.exchange(&pin).await.err(), REFUSED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_one_gets_the_token() {
    let running = Arc::new(start().await);
    for _ in 0..10 {
        let pin = running.show().await;
        let answers = at_once(&running, &pin, 32).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(
            answers
                .into_iter()
                .filter(|answer| answer.as_ref().err() == REFUSED.as_ref())
                .count(),
            31
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pin_survives_four_wrong_guesses_and_no_fifth() {
    let running = Arc::new(start().await);
    for (guesses, survives) in [(4, true), (5, false), (32, false)] {
        let pin = running.show().await;
        let answers = at_once(&running, &wrong(&pin), guesses).await;
        assert!(answers.into_iter().all(|answer| answer.err() == REFUSED));
        assert_eq!(running.exchange(&pin).await.is_ok(), survives, "{guesses}");
    }
}

#[tokio::test]
async fn a_pin_lives_for_two_minutes() {
    let running = start().await;
    for (seconds, lives) in [(119, true), (120, false)] {
        let pin = running.show().await;
        running.clock.0.fetch_add(seconds, Ordering::Relaxed);
        assert_eq!(running.exchange(&pin).await.is_ok(), lives, "{seconds}");
    }
}

#[tokio::test]
async fn a_new_pin_replaces_the_old_one() {
    let running = start().await;
    let old = running.show().await;
    let mut new = running.show().await;
    while new == old {
        new = running.show().await;
    }
    assert_eq!(running.exchange(&old).await.err(), REFUSED);
    assert!(running.exchange(&new).await.is_ok());
}

/// What is wrong with the request, and not with the PIN, does not touch it.
#[tokio::test]
async fn only_a_request_in_order_spends_a_pin() {
    let running = start().await;
    let pin = running.show().await;
    let mut form = vec![("kiosk", "hall"), ("pin", pin.as_str())];
    for (extra, error) in [
        (("scope", "vault"), BasicErrorResponseType::InvalidScope),
        (("pin", "1"), BasicErrorResponseType::InvalidRequest),
        (
            ("resource", "https://unknown.example"),
            BasicErrorResponseType::Extension("invalid_target".into()),
        ),
    ] {
        form.push(extra);
        assert_eq!(running.exchange_with(&form).await.err(), Some(error));
        form.pop();
    }
    assert_eq!(
        running.exchange_with(&[("pin", &pin)]).await.err(),
        Some(BasicErrorResponseType::InvalidRequest)
    );
    assert!(running.exchange_with(&form).await.is_ok());
}

/// The curl line that the kiosk prints.
#[tokio::test]
async fn what_is_printed_works() {
    let running = start().await;
    let pin = running.show().await;
    let printed = what_to_try(&running.issuer, &pin);
    let curl = printed.lines().nth(1).unwrap();
    let form: Vec<_> = curl
        .split(' ')
        .filter_map(|word| word.split_once('='))
        .collect();
    let (_, url) = curl.rsplit_once(' ').unwrap();
    let shown = Browser::default().post(url, &form).await;
    assert!(shown.status.is_success(), "{}", shown.page);
}

#[tokio::test]
async fn the_metadata_name_this_grant_and_no_other() {
    let running = start().await;
    let url = running
        .issuer
        .endpoint("/.well-known/oauth-authorization-server");
    let shown = Browser::default().get(&url).await;
    let metadata: serde_json::Value = serde_json::from_str(&shown.page).unwrap();
    assert_eq!(
        metadata["grant_types_supported"],
        serde_json::json!([KIOSK_PIN])
    );
    assert!(metadata.get("authorization_endpoint").is_none());
}
