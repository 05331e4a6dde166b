//! What is read of a request: forms only, strictly, and not more than the limits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests panic, and their tables are long"
)]

mod common;

use common::{
    CALENDAR, Fixture, MAIL, Setup,
    call::{FORM, encoded, raw_form, request, with},
    clients::{WEB, basic, client_secret},
};
use http::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::Full;
use oauth_tower::Limits;

const ENDPOINTS: [&str; 3] = ["/token", "/revoke", "/introspect"];
const GRANT: &str = "grant_type=client_credentials&token=x";

fn by_web(request: Request<Full<bytes::Bytes>>) -> Request<Full<bytes::Bytes>> {
    with(request, AUTHORIZATION, &basic(WEB, &client_secret(WEB)))
}

/// 6749-AppB-a
#[tokio::test]
async fn what_is_not_read_strictly_is_refused() {
    let fixture = Fixture::new();
    let long = "x".repeat(2049);
    let long_name = format!("{long}=x");
    let long_value = format!("x={long}");
    let long_escaped = format!("x={}", "%41".repeat(2049));
    let many = "&x".repeat(99);
    let bad: [(&[u8], &str); 17] = [
        (b"x=%zz", "a percent escape is malformed"),
        (b"x=%", "a percent escape is malformed"),
        (b"x=%4", "a percent escape is malformed"),
        (b"x=%4g", "a percent escape is malformed"),
        (b"%%=x", "a percent escape is malformed"),
        (b"x=%u0041", "a percent escape is malformed"),
        (b"x=%ff", "the parameters are not UTF-8 text"),
        (b"x=\xff", "the parameters are not UTF-8 text"),
        (b"x=%C3%28", "the parameters are not UTF-8 text"),
        (b"x=%ED%A0%80", "the parameters are not UTF-8 text"),
        (b"x=%00", "the parameters are not UTF-8 text"),
        (b"x=\0", "the parameters are not UTF-8 text"),
        (b"x%00=x", "the parameters are not UTF-8 text"),
        (long_name.as_bytes(), "a parameter is too long"),
        (long_value.as_bytes(), "a parameter is too long"),
        (long_escaped.as_bytes(), "a parameter is too long"),
        (many.as_bytes(), "there are too many parameters"),
    ];
    for uri in ENDPOINTS {
        for (bad, says) in bad {
            let body = [GRANT.as_bytes(), b"&", bad].concat();
            let answer = fixture.send(by_web(raw_form(uri, body))).await;
            answer.assert_denied(400, "invalid_request", uri);
            assert_eq!(answer.member("error_description"), says);
        }
        let twice = [
            "t%6Fken=y&token=y",
            "tok%65n=y",
            "grant%5Ftype=x",
            "grant%5ftype=",
            "a%2Bb=1&a%2bb=2",
            "x&x=",
            "=&=",
        ];
        for twice in twice {
            let answer = fixture
                .send(by_web(raw_form(uri, format!("{GRANT}&{twice}"))))
                .await;
            answer.assert_denied(400, "invalid_request", twice);
            assert_eq!(
                answer.member("error_description"),
                "a parameter is repeated"
            );
        }
        // And at the edge of each limit it is served.
        for good in [
            format!("x={}", "%41".repeat(2048)),
            format!("{}=x", "x".repeat(2048)),
            (0..98)
                .map(|i| format!("x{i}="))
                .collect::<Vec<_>>()
                .join("&"),
            format!(
                "resource={}&resource={}",
                common::call::encode(MAIL),
                common::call::encode(CALENDAR)
            ),
            "x=\u{e9}&y=%C3%A9+%2B".into(),
            "&&&=x".into(),
        ] {
            let answer = fixture
                .send(by_web(raw_form(uri, format!("{GRANT}&{good}"))))
                .await;
            assert_eq!(answer.status, 200, "{uri} {good}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn only_forms_are_read() {
    let fixture = Fixture::new();
    for uri in ENDPOINTS {
        for (content_type, is_form) in [
            (FORM, true),
            ("Application/X-WWW-Form-URLencoded;charset=UTF-8", true),
            ("application/x-www-form-urlencoded; charset=\"utf-8\"", true),
            (
                "application/x-www-form-urlencoded; charset=iso-8859-1",
                false,
            ),
            ("application/json", false),
            ("text/plain", false),
            ("multipart/form-data; boundary=x", false),
            ("application/x-www-form-urlencoded, text/plain", false),
            ("", false),
        ] {
            let request = with(
                by_web(request(Method::POST, uri, GRANT)),
                CONTENT_TYPE,
                content_type,
            );
            let answer = fixture.send(request).await;
            if is_form {
                assert_eq!(answer.status, 200, "{content_type}");
            } else {
                answer.assert_denied(415, "invalid_request", content_type);
                assert_eq!(answer.header("accept"), FORM, "RFC 9110 §15.5.16");
            }
        }
        let none = fixture
            .send(by_web(request(Method::POST, uri, GRANT)))
            .await;
        none.assert_denied(415, "invalid_request", "no type");
        let twice = with(by_web(raw_form(uri, GRANT)), CONTENT_TYPE, "text/plain");
        fixture
            .send(twice)
            .await
            .assert_denied(415, "invalid_request", "two types");
        let zipped = with(by_web(raw_form(uri, GRANT)), CONTENT_ENCODING, "gzip");
        let answer = fixture.send(zipped).await;
        answer.assert_denied(415, "invalid_request", "an encoding");
        assert_eq!(
            answer.header("accept-encoding"),
            "identity",
            "RFC 9110 §15.5.16"
        );
    }
}

#[tokio::test]
async fn the_limits_can_be_set() {
    let fixture = Setup {
        limits: Limits {
            body: 200,
            params: 3,
            value: 30,
            ..Limits::default()
        },
        ..Setup::default()
    }
    .build();
    for (body, status) in [
        (format!("{GRANT}&a={}", "x".repeat(30)), 200),
        (format!("{GRANT}&a={}", "x".repeat(31)), 400),
        (format!("{GRANT}&a&b"), 400),
        (format!("{GRANT}{}", "&".repeat(200 - GRANT.len())), 200),
        (format!("{GRANT}{}", "&".repeat(201 - GRANT.len())), 413),
    ] {
        let answer = fixture.send(by_web(raw_form("/token", body.clone()))).await;
        assert_eq!(answer.status, status, "{body}");
    }
    let long = format!(
        "/authorize?{}{}",
        encoded(&common::flow::ask(WEB)),
        "&".repeat(200)
    );
    assert_eq!(
        fixture.send(common::call::get(&long)).await.status,
        400,
        "a query has the limit of a body"
    );
}
