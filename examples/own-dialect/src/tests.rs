//! Runs the program on a socket, with a client that speaks nothing but the dialect.

use http::{Request, Response};
use serde_json::{Value, json};
use test_client::{Browser, Shown};

use super::*;

async fn start() -> Issuer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = Issuer::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let app = app(issuer.clone()).unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    issuer
}

/// The address that is printed.
fn door(issuer: &Issuer) -> String {
    let printed = what_to_try(issuer);
    printed.lines().nth(1).unwrap().trim().to_owned()
}

/// The reader signs in, and decides.
async fn decide(issuer: &Issuer, decision: &str) -> Shown {
    let mut browser = Browser::default();
    let mut page = browser.get(&door(issuer)).await;
    if page.status.is_redirection() {
        page = browser.get(&below(issuer, page.location())).await;
    }
    let interaction = page.hidden("interaction").to_owned();
    let form = [
        ("interaction", interaction.as_str()),
        ("username", "reader"),
        ("password", "lamp"),
    ];
    let mut page = browser.post(&issuer.endpoint("/login"), &form).await;
    if page.status.is_redirection() {
        page = browser.get(&below(issuer, page.location())).await;
    }
    let interaction = page.hidden("interaction").to_owned();
    let form = [
        ("interaction", interaction.as_str()),
        ("subject", page.hidden("subject")),
        ("decision", decision),
    ];
    browser.post(&issuer.endpoint("/consent"), &form).await
}

fn below(issuer: &Issuer, location: &str) -> String {
    match location.strip_prefix('/') {
        Some(path) => issuer.endpoint(&format!("/{path}")),
        None => location.to_owned(),
    }
}

async fn counter(issuer: &Issuer, body: &Value) -> Response<Vec<u8>> {
    let request = Request::post(issuer.endpoint("/counter"))
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .unwrap();
    test_client::http(request).await.unwrap()
}

async fn shelf(issuer: &Issuer, header: &str, pass: &str) -> Response<Vec<u8>> {
    let request = Request::get(issuer.endpoint("/shelf")).header(header, pass);
    let request = request.body(Vec::new()).unwrap();
    test_client::http(request).await.unwrap()
}

fn document(response: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn deal(ticket: &str) -> Value {
    json!({ "app": "shelf-app", "key": "shelf-key", "deal": "pass", "back": BACK, "ticket": ticket })
}

#[tokio::test]
async fn a_ticket_is_traded_for_a_pass_once() {
    let issuer = start().await;
    let sent = decide(&issuer, "approve").await;
    assert!(sent.location().starts_with(&format!("{BACK}?")));
    assert_eq!(sent.sent_with("badge").as_deref(), Some("7"));
    for standard in ["code", "state", "iss"] {
        assert_eq!(sent.sent_with(standard), None);
    }
    let ticket = sent.sent_with("ticket").unwrap();
    let answer = counter(&issuer, &deal(&ticket)).await;
    assert_eq!(answer.status(), 200);
    let document = document(&answer);
    assert_eq!(document["minutes"], 60);
    let pass = document["pass"].as_str().unwrap();
    let groups: Vec<&str> = pass.split('-').collect();
    assert_eq!(groups.len(), 9);
    assert!(
        groups
            .iter()
            .all(|group| group.len() == 5 && group.parse::<u16>().is_ok())
    );
    let served = shelf(&issuer, "x-lantern-pass", pass).await;
    assert_eq!(served.body().as_slice(), br#"{"reader":"reader"}"#);
    let again = json!({ "app": "shelf-app", "key": "shelf-key", "deal": "again", "refresh_token": document["refresh_token"] });
    let next = counter(&issuer, &again).await;
    assert_eq!(next.status(), 200);
    // What the standard says of codes holds here too.
    let replay = counter(&issuer, &deal(&ticket)).await;
    assert_eq!(replay.status(), 400);
    assert_eq!(self::document(&replay)["trouble"], "invalid_grant");
    let refused = shelf(&issuer, "x-lantern-pass", pass).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(self::document(&refused)["trouble"], "invalid_token");
}

#[tokio::test]
async fn trouble_is_told_in_the_dialect() {
    let issuer = start().await;
    let sent = decide(&issuer, "deny").await;
    assert_eq!(sent.sent_with("trouble").as_deref(), Some("access_denied"));
    assert_eq!(sent.sent_with("badge").as_deref(), Some("7"));
    let shown = Browser::default().get(&issuer.endpoint("/door")).await;
    let shown: Value = serde_json::from_str(&shown.page).unwrap();
    assert_eq!(shown["trouble"], "invalid_request");
    let mut wrong = deal("x");
    wrong["key"] = "guess".into();
    for (body, status, trouble) in [
        (deal("x"), 400, "invalid_grant"),
        (wrong, 401, "invalid_client"),
        (json!({}), 400, "invalid_request"),
    ] {
        let answer = counter(&issuer, &body).await;
        assert_eq!(answer.status(), status);
        assert_eq!(document(&answer)["trouble"], trouble);
        assert!(document(&answer)["why"].is_string());
    }
}

/// A pass is carried by its header, and by nothing else.
#[tokio::test]
async fn a_pass_has_its_own_place() {
    let issuer = start().await;
    let ticket = decide(&issuer, "approve").await.sent_with("ticket");
    let answer = counter(&issuer, &deal(&ticket.unwrap())).await;
    let pass = document(&answer)["pass"].as_str().unwrap().to_owned();
    let bearer = shelf(&issuer, "authorization", &format!("Bearer {pass}")).await;
    assert_eq!(bearer.status(), 401);
    assert_eq!(shelf(&issuer, "x-lantern-pass", "1").await.status(), 401);
    assert_eq!(shelf(&issuer, "x-lantern-pass", &pass).await.status(), 200);
}

/// Every bit of the 144 is in the pass.
#[test]
fn a_pass_cannot_be_guessed() {
    let formats = (LANTERN.formats)();
    let format = &formats.access_token;
    assert_eq!(format.capacity(), Some(18));
    let mut seen = std::collections::HashSet::from([format.encode(&[0; 18]).expose().to_owned()]);
    for bit in 0..144 {
        let mut bytes = [0; 18];
        bytes[bit / 8] = 1 << (bit % 8);
        let pass = format.encode(&bytes);
        assert_eq!(format.decode(pass.expose()).as_deref(), Some(&bytes[..]));
        assert!(seen.insert(pass.expose().to_owned()));
    }
}
