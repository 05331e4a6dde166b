//! The `Authorization` header where a dialect reads Basic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests panic"
)]

mod common;

use common::{
    call::{form, with},
    dialect::{APP, AS_LIUYUAN, AS_PIGAI, OTHER, World, assert_denied, raw_basic, secret},
};
use http::header::AUTHORIZATION;

/// One header, of one scheme, that can be read; and a code survives all others.
#[tokio::test]
async fn a_header_is_read_or_refused() {
    for provider in [&AS_PIGAI, &AS_LIUYUAN] {
        let world = World::new(provider);
        let code = world.code().await;
        let good = raw_basic(APP, &secret(APP));
        let other = raw_basic(OTHER, &secret(OTHER));
        let guess = raw_basic(APP, "guess");
        let bearer = good.replace("Basic", "Bearer");
        let rows: [(&str, &[&str]); 12] = [
            ("two clients", &[&good, &other]),
            ("two secrets", &[&good, &guess]),
            ("the same twice", &[&good, &good]),
            ("and a bearer", &[&good, "Bearer x"]),
            ("another scheme", &[&bearer]),
            ("no scheme", &[&good[6..]]),
            ("the scheme alone", &["Basic"]),
            ("empty", &[""]),
            ("not base64", &["Basic !"]),
            ("no colon", &["Basic YXBw"]),
            ("not text", &["Basic /zr/"]),
            ("a wrong secret", &[&guess]),
        ];
        for (row, headers) in rows {
            let params = world.exchange(&code, &[("client_id", APP)]);
            let request = headers
                .iter()
                .fold(form(provider.token, &params), |request, header| {
                    with(request, AUTHORIZATION, header)
                });
            let answer = world.send(request).await;
            assert_denied(&answer, 401, "invalid_client", row);
        }
        let answer = world.redeem(APP, &code, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
