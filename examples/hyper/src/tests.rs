//! Runs the program on a socket, with the `oauth2` crate as its client.

use std::net::SocketAddr;

use http::StatusCode;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, IntrospectionUrl, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, TokenIntrospectionResponse, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicRequestTokenError, BasicTokenResponse},
};
use test_client::{Browser, HttpError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;

const REDIRECT_URI: &str = "http://127.0.0.1:49152/callback";

struct Running {
    address: SocketAddr,
    issuer: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let issuer = format!("http://{address}");
    let app = app(Issuer::new(&issuer).unwrap()).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, app, async {
        let _ = stopped.await;
    }));
    Running {
        address,
        issuer,
        stop,
        served,
    }
}

type Stock = BasicClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointNotSet, EndpointSet>;

impl Running {
    fn client(&self, id: &str) -> Stock {
        let at = |path| format!("{}{path}", self.issuer);
        BasicClient::new(ClientId::new(id.into()))
            .set_auth_type(AuthType::BasicAuth)
            .set_auth_uri(AuthUrl::new(at("/authorize")).unwrap())
            .set_token_uri(TokenUrl::new(at("/token")).unwrap())
            .set_introspection_url(IntrospectionUrl::new(at("/introspect")).unwrap())
    }

    fn app(&self) -> Stock {
        self.client("app")
            .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.into()).unwrap())
    }

    fn machine(&self) -> Stock {
        self.client("machine")
            .set_client_secret(ClientSecret::new("machine-secret".into()))
    }
}

/// The error code of a denial.
fn denied<T: std::fmt::Debug>(
    answer: Result<T, BasicRequestTokenError<HttpError>>,
) -> BasicErrorResponseType {
    match answer.unwrap_err() {
        RequestTokenError::ServerResponse(response) => response.error().clone(),
        other => panic!("not an answer of the server: {other}"),
    }
}

#[tokio::test]
async fn a_client_gets_a_token_for_itself() {
    let running = start().await;
    let machine = running.machine();
    let token: BasicTokenResponse = machine
        .exchange_client_credentials()
        .add_scope(Scope::new("read".into()))
        .request_async(&test_client::http)
        .await
        .unwrap();
    assert!(token.refresh_token().is_none());
    let about = machine
        .introspect(token.access_token())
        .request_async(&test_client::http)
        .await
        .unwrap();
    assert!(about.active());
    assert_eq!(about.client_id().unwrap().as_str(), "machine");

    let stranger = machine.set_client_secret(ClientSecret::new("guess".into()));
    let answer = stranger
        .exchange_client_credentials()
        .request_async(&test_client::http)
        .await;
    assert_eq!(denied(answer), BasicErrorResponseType::InvalidClient);
}

/// Opens the page on which the user decides: the browser, the handle on the page, and what the client keeps.
async fn open(running: &Running) -> (Browser, String, CsrfToken, PkceCodeVerifier) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = running
        .app()
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("read".into()))
        .set_pkce_challenge(challenge)
        .url();
    let mut browser = Browser::default();
    let shown = browser.get(url.as_str()).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.page.contains("The Example App asks for access"));
    assert_eq!(shown.headers["x-frame-options"], "DENY");
    let policy = shown.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' http:"), "{policy}");
    let handle = shown.hidden("interaction").to_owned();
    (browser, handle, state, verifier)
}

fn answer<'a>(handle: &'a str, password: &'a str, decision: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("interaction", handle),
        ("username", "alice"),
        ("password", password),
        ("decision", decision),
    ]
}

#[tokio::test]
async fn a_user_signs_in_allows_and_takes_it_back() {
    let running = start().await;
    let decide = format!("{}/decide", running.issuer);
    let (mut browser, handle, state, verifier) = open(&running).await;

    let refused = browser
        .post(&decide, &answer(&handle, "hunter2", "allow"))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.hidden("interaction"), handle);

    let allowed = browser
        .post(&decide, &answer(&handle, "wonderland", "allow"))
        .await;
    assert!(allowed.location().starts_with(REDIRECT_URI));
    assert_eq!(allowed.sent_with("state").as_ref(), Some(state.secret()));
    assert_eq!(allowed.sent_with("iss").as_ref(), Some(&running.issuer));
    let code = AuthorizationCode::new(allowed.sent_with("code").unwrap());

    let app = running.app();
    let token: BasicTokenResponse = app
        .exchange_code(code)
        .set_pkce_verifier(verifier)
        .request_async(&test_client::http)
        .await
        .unwrap();
    let refreshed: BasicTokenResponse = app
        .exchange_refresh_token(token.refresh_token().unwrap())
        .request_async(&test_client::http)
        .await
        .unwrap();
    let last = refreshed.refresh_token().unwrap();
    // By hand: the crate revokes over https only.
    let form = [("client_id", "app"), ("token", last.secret().as_str())];
    let revoked = Browser::default()
        .post(&format!("{}/revoke", running.issuer), &form)
        .await;
    assert_eq!(revoked.status, StatusCode::OK);
    let answer = app
        .exchange_refresh_token(last)
        .request_async(&test_client::http)
        .await;
    assert_eq!(denied(answer), BasicErrorResponseType::InvalidGrant);
}

#[tokio::test]
async fn a_user_refuses() {
    let running = start().await;
    let (mut browser, handle, state, _) = open(&running).await;
    let refused = browser
        .post(
            &format!("{}/decide", running.issuer),
            &[("interaction", &handle), ("decision", "deny")],
        )
        .await;
    assert_eq!(refused.sent_with("error").as_deref(), Some("access_denied"));
    assert_eq!(refused.sent_with("state").as_ref(), Some(state.secret()));
    assert_eq!(refused.sent_with("code"), None);
}

#[tokio::test]
async fn nobody_decides_in_the_browser_of_another() {
    let running = start().await;
    let (_, handle, ..) = open(&running).await;
    let shown = Browser::default()
        .post(
            &format!("{}/decide", running.issuer),
            &answer(&handle, "wonderland", "allow"),
        )
        .await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    assert!(shown.headers.get("location").is_none());
}

/// The curl lines that the program prints, up to the code.
#[tokio::test]
async fn what_is_printed_works() {
    let running = start().await;
    let issuer = Issuer::new(&running.issuer).unwrap();
    let printed = what_to_try(&issuer);
    let url = printed
        .split_whitespace()
        .find(|word| word.contains("response_type=code"))
        .unwrap();
    let mut browser = Browser::default();
    let shown = browser.get(url).await;
    let allowed = browser
        .post(
            &format!("{issuer}/decide"),
            &answer(shown.hidden("interaction"), "wonderland", "allow"),
        )
        .await;
    let shown = browser.get(allowed.location()).await;
    let (_, curl) = shown.page.split_once("<pre>curl ").unwrap();
    let (curl, _) = curl.split_once("</pre>").unwrap();
    let form: Vec<_> = curl
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .collect();
    let (_, token_endpoint) = curl.rsplit_once(' ').unwrap();
    let answer = browser.post(token_endpoint, &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.page);
}

#[tokio::test]
async fn the_end_lets_requests_in_flight_finish() {
    let running = start().await;
    let form = "grant_type=client_credentials&scope=read";
    let head = format!(
        "POST /token HTTP/1.1\r\nhost: {}\r\nauthorization: Basic bWFjaGluZTptYWNoaW5lLXNlY3JldA==\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        running.address,
        form.len(),
    );
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server says so when it begins to read the body: from here on the request is in flight.
    let mut going_on = [0; 25];
    stream.read_exact(&mut going_on).await.unwrap();
    assert_eq!(&going_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    running.stop.send(()).unwrap();
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.served.is_finished(), "it waits for the request");
    stream.write_all(form.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("access_token"));
    running.served.await.unwrap();
}
