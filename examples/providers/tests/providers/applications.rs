//! The applications of the five providers, as their documents tell to write them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use http::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use sha2::Sha256;

use super::{
    place::Running,
    wire::{ALICE, Answer, bearer, decide, empty, form, get, param, send},
};

/// The provider of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Pigai,
    Liuyuan,
    Proauth,
    Minapp,
    Everydo,
}

pub(crate) use Provider::{Everydo, Liuyuan, Minapp, Pigai, Proauth};

pub(crate) const ALL: [Provider; 5] = [Pigai, Liuyuan, Proauth, Minapp, Everydo];

/// Where the users of an application return to.
pub(crate) const CALLBACK: &str = "http://app.example/cb";

impl Provider {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Pigai => "pigai",
            Liuyuan => "liuyuan",
            Proauth => "proauth",
            Minapp => "minapp",
            Everydo => "everydo",
        }
    }

    /// Where an application sends its user.
    pub(crate) fn authorize(self, server: &Running, id: &str) -> String {
        server.url(&match self {
            Pigai => format!(
                "/oauth2/authorize?response_type=code&client_id={id}&redirect_uri={CALLBACK}&state=xyz"
            ),
            Liuyuan => {
                format!("/index.php?app=authorize&response_type=code&client_id={id}&state=xyz")
            }
            Proauth => format!(
                "/oauth2/authorize?client_id={id}&redirect_uri={CALLBACK}&response_type=code&scope=user:read%20role:read&state=xyz"
            ),
            Minapp => unreachable!("no user is asked"),
            Everydo => format!("/authorize?client_id={id}&redirect_uri={CALLBACK}&state=xyz"),
        })
    }

    /// A code for the application `1`.
    pub(crate) async fn code(self, server: &Running) -> String {
        if self == Minapp {
            return own_code(server, "1").await.text("code");
        }
        let returned = decide(server, &self.authorize(server, "1"), ALICE, "approve").await;
        assert!(
            returned.starts_with("http://app.example/cb?code="),
            "{returned}"
        );
        assert_eq!(param(&returned, "state").as_deref(), Some("xyz"));
        assert_eq!(param(&returned, "iss"), None);
        param(&returned, "code").expect("a code")
    }

    /// The request that exchanges a code.
    pub(crate) fn redeem(self, server: &Running, id: &str, code: &str) -> Request<Vec<u8>> {
        let secret = &secret(id);
        let code = ("code", code);
        let grant = ("grant_type", "authorization_code");
        let credentials = [("client_id", id), ("client_secret", secret)];
        match self {
            Pigai => {
                let request = Request::post(server.url("/oauth2/access_token"));
                let [id, secret] = credentials;
                form(
                    request,
                    &[grant, code, ("redirect_uri", CALLBACK), id, secret],
                )
            }
            Liuyuan => {
                let request = Request::post(server.url("/index.php?app=token"));
                let request = request.header(AUTHORIZATION, basic(id, secret));
                form(request, &[grant, code, ("client_id", id)])
            }
            Proauth => {
                let url = format!(
                    "/oauth2/token?redirect_uri={CALLBACK}&grant_type=authorization_code&code={}",
                    code.1
                );
                let proof = format!("Client {}", client_token(id, secret));
                empty(Request::post(server.url(&url)).header("Authencation", proof))
            }
            Minapp => {
                let [id, secret] = credentials;
                multipart(
                    Request::post(server.url("/api/oauth2/access_token/")),
                    &[id, secret, code, grant],
                )
            }
            Everydo => {
                let [id, secret] = credentials;
                form(
                    Request::post(server.url("/access_token")),
                    &[id, secret, grant, code],
                )
            }
        }
    }

    /// An API call of the application `1`.
    pub(crate) fn call(self, server: &Running, token: &str) -> Request<Vec<u8>> {
        match self {
            Pigai => bearer(&server.url("/essays/rapid_experience"), token),
            Liuyuan => {
                let request = Request::post(server.url("/index.php?app=user&act=userinfo"));
                let request = request.header(AUTHORIZATION, basic("1", &secret("1")));
                form(request, &[("token", token)])
            }
            Proauth => bearer(&server.url("/api/user"), token),
            Minapp => bearer(&server.url("/oserve/v1.3/cloud-function/"), token),
            Everydo => {
                let request = Request::get(server.url("/api/v1/me"));
                empty(request.header("access_token", token))
            }
        }
    }

    /// What that is answered with.
    pub(crate) fn served(self) -> &'static str {
        match self {
            Pigai => r#"{"number":10001,"title":"A rapid experience","score":92,"client_id":"1"}"#,
            Liuyuan => r#"{"username":"alice"}"#,
            Proauth => r#"{"username":"alice","client_id":"1"}"#,
            Minapp => {
                r#"{"objects":[{"name":"helloWorld","audit_status":"approved"},{"name":"sendMail","audit_status":"pending"}]}"#
            }
            Everydo => r#"{"uid":"alice","client_id":"1"}"#,
        }
    }

    /// The whole way to a token of the application `1`.
    pub(crate) async fn tokens(self, server: &Running) -> Answer {
        let code = self.code(server).await;
        let answer = send(self.redeem(server, "1", &code)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }
}

/// As in the configuration file.
pub(crate) fn secret(id: &str) -> String {
    format!("the secret of {id}")
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// A proof of the client, now.
pub(crate) fn client_token(id: &str, secret: &str) -> String {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::{SystemTime, UNIX_EPOCH},
    };
    static NONCE: AtomicU32 = AtomicU32::new(0);
    let nonce = NONCE.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = format!(
        r#"{{"id":"{id}","time":"{}","nonce":"{nonce}"}}"#,
        time.as_secs()
    );
    sign(&claims, secret)
}

/// A JWT with these claims.
pub(crate) fn sign(claims: &str, secret: &str) -> String {
    let part = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let signed = format!(
        "{}.{}",
        part(br#"{"alg":"HS256","typ":"JWT"}"#),
        part(claims.as_bytes())
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", part(&mac.finalize().into_bytes()))
}

/// A form of several parts.
pub(crate) fn multipart(
    request: http::request::Builder,
    fields: &[(&str, &str)],
) -> Request<Vec<u8>> {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!(
            "--parts\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    body += "--parts--\r\n";
    request
        .header(CONTENT_TYPE, "multipart/form-data; boundary=parts")
        .body(body.into_bytes())
        .expect("a request")
}

/// A code of minapp: two redirects are followed with `GET`, and no cookie is kept.
pub(crate) async fn own_code(server: &Running, id: &str) -> Answer {
    let mut answer = send(ask_for_own_code(server, id, &secret(id))).await;
    for _ in 0..2 {
        assert_eq!(answer.status, 302, "{answer:?}");
        assert!(!answer.location().contains("secret"), "{answer:?}");
        answer = get(&server.url(answer.location())).await;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

pub(crate) fn ask_for_own_code(server: &Running, id: &str, secret: &str) -> Request<Vec<u8>> {
    let body = serde_json::json!({ "client_id": id, "client_secret": secret });
    Request::post(server.url("/api/oauth2/hydrogen/openapi/authorize/"))
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .expect("a request")
}

/// Forty lower-case hexadecimal digits.
pub(crate) fn is_hex(token: &str) -> bool {
    token.len() == 40
        && token
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
