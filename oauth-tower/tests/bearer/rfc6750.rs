//! RFC 6750 at a resource server, row by row.

use std::sync::{Arc, atomic::Ordering};

use oauth_tower::bearer::{BearerLayer, Realm};

use crate::support::{Answer, Known, get, request, scope, send};

fn layer() -> BearerLayer {
    BearerLayer::new(Known::default())
}

/// What the answer has to be: 200 for whom, or a refusal with this error.
#[derive(Debug, PartialEq)]
enum Expect {
    Served(&'static str),
    Refused(u16, Option<&'static str>),
}

use Expect::{Refused, Served};

#[track_caller]
fn check(row: &str, answer: &Answer, expected: &Expect) {
    match expected {
        Served(who) => {
            assert_eq!(answer.status, 200, "{row}: {answer:?}");
            assert_eq!(answer.body.split('|').next().unwrap(), *who, "{row}");
        }
        Refused(status, error) => {
            assert_eq!(answer.status.as_u16(), *status, "{row}: {answer:?}");
            assert_eq!(answer.attribute("error").as_deref(), *error, "{row}");
            assert_eq!(
                answer.attribute("error_description").is_some(),
                error.is_some(),
                "{row}"
            );
            assert_eq!(answer.attribute("realm").as_deref(), Some("api"), "{row}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{row}");
            assert_eq!(answer.body, "", "{row}");
        }
    }
}

const INVALID_REQUEST: Expect = Refused(400, Some("invalid_request"));
const INVALID_TOKEN: Expect = Refused(401, Some("invalid_token"));
const NO_TOKEN: Expect = Refused(401, None);

#[tokio::test]
async fn a_token_in_the_header() {
    const READER: Expect = Served("app read");
    let rows: &[(&str, &[&str], Expect)] = &[
        ("6750-2.1-a", &["Bearer reader"], READER),
        (
            "6750-2.1-a: the whole alphabet",
            &["Bearer aZ09-._~+/=="],
            READER,
        ),
        ("v21-5.1.1-a", &["bearer reader"], READER),
        ("v21-5.1.1-a", &["BEARER reader"], READER),
        ("6750-2.1-a: 1*SP", &["Bearer   reader"], READER),
        ("6750-3-a, 6750-3.1-e, 6749-7.2-a", &[], NO_TOKEN),
        (
            "6750-3.1-e: another scheme",
            &["Basic cmVhZGVyOg=="],
            NO_TOKEN,
        ),
        ("6750-3.1-e: another scheme", &["Digest reader"], NO_TOKEN),
        (
            "9449-7.1: the scheme of bound tokens",
            &["DPoP reader"],
            INVALID_TOKEN,
        ),
        ("6750-3.1-e: another scheme", &["Bearerreader"], NO_TOKEN),
        ("6750-3.1-e: another scheme", &["reader"], NO_TOKEN),
        (
            "6750-3.1-b, 6750-3-a, 6750-3-e",
            &["Bearer nobody"],
            INVALID_TOKEN,
        ),
        (
            "9449-7.2: a bound token shown like a bearer token",
            &["Bearer bound"],
            INVALID_TOKEN,
        ),
        ("6750-3.1-a", &["Bearer"], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer ="], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer reader reader"], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer reader,reader"], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer =reader"], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer rea=der"], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer \"reader\""], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer r\u{e9}ader"], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer reader\u{ff}"], INVALID_REQUEST),
        ("6750-2.1-b", &["Bearer reader%20"], INVALID_REQUEST),
        (
            "6750-3.1-a: repeated",
            &["Bearer reader", "Bearer reader"],
            INVALID_REQUEST,
        ),
        (
            "6750-3.1-a: repeated",
            &["Basic eDp5", "Bearer reader"],
            INVALID_REQUEST,
        ),
        (
            "6750-3.1-a: repeated",
            &["Bearer reader", "Basic eDp5"],
            INVALID_REQUEST,
        ),
    ];
    let (strict, with_query) = (layer(), layer().dangerous_query_token());
    let with_form = layer().form_body();
    for (row, authorization, expected) in rows {
        let headers: Vec<_> = authorization
            .iter()
            .map(|&value| ("authorization", value))
            .collect();
        check(row, &send(&strict, get("/", &headers)).await, expected);
        check(row, &send(&with_query, get("/", &headers)).await, expected);
        let answer = send(&with_form, get("/", &headers)).await;
        check(row, &answer, expected);
    }
}

#[tokio::test]
async fn a_token_in_the_query() {
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Expect);
    let accepting = layer().dangerous_query_token();
    let bearer = ("authorization", "Bearer reader");
    let rows: &[Row<'_>] = &[
        (
            "6750-2.3-a",
            "/?a=b&access_token=reader&c",
            &[],
            Served("app read"),
        ),
        (
            "6750-2.3-a: decoded",
            "/?access%5Ftoken=r%65ader",
            &[],
            Served("app read"),
        ),
        (
            "6750-2-a",
            "/?access_token=reader",
            &[bearer],
            INVALID_REQUEST,
        ),
        (
            "6750-2-a",
            "/?access_token=nobody",
            &[bearer],
            INVALID_REQUEST,
        ),
        (
            "6750-3.1-a: repeated",
            "/?access_token=reader&access_token=reader",
            &[],
            INVALID_REQUEST,
        ),
        (
            "6750-3.1-a: repeated",
            "/?access_token=reader&access%5ftoken=",
            &[],
            INVALID_REQUEST,
        ),
        ("6750-2.1-b", "/?access_token=read+er", &[], INVALID_REQUEST),
        (
            "6750-2.1-b",
            "/?access_token=reader%zz",
            &[],
            INVALID_REQUEST,
        ),
        (
            "6750-2.1-b",
            "/?access_token=reader%00",
            &[],
            INVALID_REQUEST,
        ),
        (
            "6750-2.1-b",
            "/?access_token=reader%ff",
            &[],
            INVALID_REQUEST,
        ),
        ("6750-3.1-b", "/?access_token=nobody", &[], INVALID_TOKEN),
        ("6750-3.1-e: no value", "/?access_token=", &[], NO_TOKEN),
        (
            "6750-3.1-e: another name",
            "/?Access_Token=reader",
            &[],
            NO_TOKEN,
        ),
    ];
    for (row, target, headers, expected) in rows {
        check(row, &send(&accepting, get(target, headers)).await, expected);
    }
    // v21-5.1-a: where it is not enabled it is not there, neither as a token nor as a second method.
    for target in [
        "/?access_token=reader",
        "/?access_token=nobody",
        "/?access_token=\"&access_token",
    ] {
        let target = target.replace('"', "%22");
        check(
            "v21-5.1-a",
            &send(&layer(), get(&target, &[])).await,
            &NO_TOKEN,
        );
        check(
            "v21-5.1-a",
            &send(&layer(), get(&target, &[bearer])).await,
            &Served("app read"),
        );
    }
}

/// RFC 6750 §2.3: success responses to a query token SHOULD be marked `private`. Others keep what the API says.
#[tokio::test]
async fn answers_to_query_tokens_are_kept_nowhere() {
    let layer = layer().dangerous_query_token();
    let answer = send(&layer, get("/?access_token=reader", &[])).await;
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let answer = send(&layer, get("/", &[("authorization", "Bearer reader")])).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
}

/// 6750-2.2-b, 6750-2.2-a: nothing in a body is looked at unless a route asks for it.
#[tokio::test]
async fn a_token_in_a_body_is_not_seen_by_default() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = send(
        &layer(),
        request("POST", "/", &[form], "access_token=reader"),
    )
    .await;
    check("6750-2.2-a", &answer, &NO_TOKEN);
    let both = [form, ("authorization", "Bearer reader")];
    let answer = send(&layer(), request("POST", "/", &both, "access_token=reader")).await;
    assert_eq!(answer.body, "app read|access_token=reader");
}

/// 6750-3.1-c, 6750-3.1-d, 6749-7-a, v21-5.2-a, 9700-2.3-b, 6750-5.2-b: scope and audience.
#[tokio::test]
async fn a_token_has_to_permit_what_is_asked_for() {
    const INSUFFICIENT: Expect = Refused(403, Some("insufficient_scope"));
    let for_api = || layer().audience("https://api");
    let rows: Vec<(&str, BearerLayer, &str, Expect)> = vec![
        ("no scope asked for", layer(), "reader", Served("app read")),
        (
            "v21-5.2-a",
            layer().scope(scope("read")),
            "reader",
            Served("app read"),
        ),
        (
            "6750-3.1-c",
            layer().scope(scope("write")),
            "reader",
            INSUFFICIENT,
        ),
        (
            "6750-3.1-c: all of it",
            layer().scope(scope("write read")),
            "reader",
            INSUFFICIENT,
        ),
        (
            "6749-7-a",
            layer().scope(scope("write read")),
            "writer",
            Served("app read write"),
        ),
        (
            "6749-7-a: not a prefix",
            layer().scope(scope("rea")),
            "reader",
            INSUFFICIENT,
        ),
        ("9700-2.3-b", for_api(), "ours", Served("app read")),
        ("9700-2.3-b", for_api(), "theirs", INVALID_TOKEN),
        ("9700-2.3-b: for nobody", for_api(), "reader", INVALID_TOKEN),
        ("9700-2.3-b: nameless API", layer(), "theirs", INVALID_TOKEN),
        (
            "9700-2.3-b: before scope",
            for_api().scope(scope("write")),
            "theirs",
            INVALID_TOKEN,
        ),
        (
            "v21-5.2-a",
            for_api().scope(scope("write")),
            "ours",
            INSUFFICIENT,
        ),
        (
            "any",
            layer().dangerous_any_audience(),
            "theirs",
            Served("app read"),
        ),
        (
            "any",
            layer().dangerous_any_audience(),
            "reader",
            Served("app read"),
        ),
    ];
    for (row, layer, token, expected) in rows {
        let bearer = format!("Bearer {token}");
        let answer = send(&layer, get("/", &[("authorization", &bearer)])).await;
        check(row, &answer, &expected);
    }
    let layer = layer().scope(scope("write admin"));
    for headers in [vec![], vec![("authorization", "Bearer reader")]] {
        let answer = send(&layer, get("/", &headers)).await;
        assert_eq!(answer.attribute("scope").as_deref(), Some("admin write"));
    }
}

/// 6750-3-b, 6750-3-c, 6750-3-d, 6750-3-f: each refusal as it is on the wire.
#[tokio::test]
async fn challenges_are_written_out() {
    let layer = layer()
        .realm("My API".parse::<Realm>().unwrap())
        .scope(scope("write read"));
    let mut challenges = Vec::new();
    for authorization in [
        None,
        Some("Bearer ?"),
        Some("Bearer nobody"),
        Some("Bearer reader"),
    ] {
        let headers: Vec<_> = authorization
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let answer = send(&layer, get("/", &headers)).await;
        challenges.push(format!(
            "{} {}",
            answer.status.as_u16(),
            answer.challenge().unwrap()
        ));
    }
    assert_eq!(
        challenges,
        [
            r#"401 Bearer realm="My API",scope="read write""#,
            r#"400 Bearer realm="My API",scope="read write",error="invalid_request",error_description="the access token has characters that no token has""#,
            r#"401 Bearer realm="My API",scope="read write",error="invalid_token",error_description="the access token is expired, revoked or not for this API""#,
            r#"403 Bearer realm="My API",scope="read write",error="insufficient_scope",error_description="the access token does not permit this""#,
        ]
    );
}

/// Nothing is known against a token that cannot be checked, so its client must not throw it away.
#[tokio::test]
async fn a_verifier_that_is_away_is_503() {
    for layer in [layer(), layer().optional()] {
        let answer = send(&layer, get("/", &[("authorization", "Bearer unlucky")])).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert_eq!(answer.challenge(), None);
        assert_eq!(answer.body, "");
    }
}

#[tokio::test]
async fn an_optional_token_still_has_to_be_good() {
    let layer = layer().optional().scope(scope("write"));
    let rows: &[(&[(&str, &str)], Expect)] = &[
        (&[], Served("anonymous")),
        (&[("authorization", "Basic eDp5")], Served("anonymous")),
        (
            &[("authorization", "Bearer writer")],
            Served("app read write"),
        ),
        (
            &[("authorization", "Bearer reader")],
            Refused(403, Some("insufficient_scope")),
        ),
        (&[("authorization", "Bearer nobody")], INVALID_TOKEN),
        (&[("authorization", "Bearer")], INVALID_REQUEST),
    ];
    for (headers, expected) in rows {
        check("optional", &send(&layer, get("/", headers)).await, expected);
    }
}

/// A token that a layer further out has let in says nothing about an anonymous request further in.
#[tokio::test]
async fn a_token_is_not_inherited() {
    let mut request = get("/", &[("authorization", "Bearer writer")]);
    let taken = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&taken);
    let api = tower::service_fn(move |request: http::Request<()>| {
        *keep.lock().unwrap() = request
            .extensions()
            .get::<oauth_tower::bearer::ValidToken>()
            .cloned();
        std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(())))
    });
    let outer = tower::Layer::layer(&layer(), api);
    let first = request.headers().clone();
    let mut plain = http::Request::new(());
    *plain.headers_mut() = first;
    tower::ServiceExt::oneshot(outer, plain).await.unwrap();
    let token = taken.lock().unwrap().clone().expect("a token");
    request.headers_mut().clear();
    request.extensions_mut().insert(token);
    check(
        "inherited",
        &send(&layer().optional(), request).await,
        &Served("anonymous"),
    );
}

/// A request without a usable token costs nothing, and another layer's clone asks the same verifier.
#[tokio::test]
async fn only_what_may_be_a_token_is_looked_up() {
    let known = Arc::new(Known::default());
    let layer = BearerLayer::new(Arc::clone(&known));
    for headers in [vec![], vec![("authorization", "Bearer ?")]] {
        send(&layer, get("/", &headers)).await;
    }
    assert_eq!(known.asked.load(Ordering::SeqCst), 0);
    let clone = layer.clone().scope(scope("write"));
    for layer in [layer, clone] {
        send(&layer, get("/", &[("authorization", "Bearer reader")])).await;
    }
    assert_eq!(known.asked.load(Ordering::SeqCst), 2);
}
