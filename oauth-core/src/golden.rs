//! Golden files: each kind of body as each release writes it. Never change the files in `golden/`,
//! only add to them.
//!
//! After adding a field to a body, run `GOLDEN=write cargo test -p oauth-core golden` to write the
//! file of the upcoming release. The files of released versions stay as they are: there are stores
//! with such records.

use std::{fmt::Debug, fs, path::PathBuf};

use crate::{
    authorization_request::{AuthorizationRequest, ResponseType},
    authorize::Consent,
    operator_secret::{OperatorSecret, ServerKeys, StoredSecret},
    pkce::CodeChallenge,
    server::namespace::Namespaces,
    store::{Body, Realm, decode, encode},
    time::Timestamp,
    token::{
        AccessToken, Code, CodePointer, DecisionMark, Formats, GrantRecord, IssuedTokens,
        RefreshState, RefreshToken, UnspentCode,
    },
    types::{Actor, Authentication, Confirmation, GrantId, RedirectUri, Subject},
};

/// The upcoming release, and those before it.
const RELEASES: [&str; 1] = ["0.1"];

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn path(release: &str, name: &str) -> PathBuf {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    golden.join(release).join(format!("{name}.hex"))
}

/// The bytes as hexadecimal digits, 32 bytes to a line.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        for byte in line {
            text += &format!("{byte:02x}");
        }
        text.push('\n');
    }
    text
}

fn bytes(text: &str) -> Vec<u8> {
    let digits: String = text.split_ascii_whitespace().collect();
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty());
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.iter().map(byte).collect()
}

/// Checks that this release writes `value` as in its file, and reads the file of each release
/// without loss.
fn check<B: Body + Debug + PartialEq>(name: &str, value: &B) {
    let current = RELEASES[0];
    if std::env::var_os("GOLDEN").is_some_and(|how| how == "write") {
        let path = path(current, name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, hex(&encode(value))).unwrap();
    }
    let golden = fs::read_to_string(path(current, name)).unwrap();
    assert_eq!(hex(&encode(value)), golden, "{name}");
    for release in RELEASES {
        if let Ok(text) = fs::read_to_string(path(release, name)) {
            let old = bytes(&text);
            let read: B = decode(&old).unwrap();
            assert_eq!(hex(&encode(&read)), text, "{name} of {release}");
        }
    }
}

fn request() -> AuthorizationRequest {
    let client_id = "app".parse().unwrap();
    let resources = vec!["https://api.example".parse().unwrap()];
    let mut request = AuthorizationRequest::of(client_id, "read write".parse().unwrap(), resources);
    request.is_scope_named = true;
    request.response_type = ResponseType::Token;
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    request.challenge = Some(CodeChallenge::new(challenge, Some("S256"), false).unwrap());
    request
}

fn authentication() -> Authentication {
    Authentication::new(NOW)
        .methods(["pwd", "otp"])
        .class("2")
        .session("s1")
}

fn actor() -> Actor {
    let mut actor = Actor::new("service");
    actor.issuer = Some("https://login.example".into());
    actor.after(Actor::new("another")).unwrap()
}

fn grant() -> GrantRecord {
    let id = GrantId::from_bytes([0x11; 16]);
    let subject = Subject::new("alice").unwrap();
    let mut grant = GrantRecord::new(id, request(), Some(subject), NOW);
    grant.authentication = Some(Box::new(authentication()));
    grant.confirmation = Some(Confirmation::Jwk([0x22; 32]));
    grant.authorization_details = Some(r#"[{"type":"payment"}]"#.parse().unwrap());
    grant.actor = Some(Box::new(actor()));
    grant.data = Some(r#"{"tenant":"north"}"#.parse().unwrap());
    grant
}

#[test]
fn every_body_is_read_as_it_was_written() {
    let realm = Realm::new("https://login.example");
    let formats = Formats::default();
    let secret = OperatorSecret::from_bytes([0x33; 32]);
    let keys = ServerKeys::derive(&secret.into(), &realm);

    let mut approved = grant();
    approved.decision = Some(DecisionMark {
        at: NOW,
        verdict: [0x44; 32],
        salt: [0x55; 16],
    });
    let code = Code::new(approved.id, &[0x66; 32], &formats);
    let uri = RedirectUri::proven_before("https://app.example/cb".into());
    let returns_to = Some((&uri, true));
    let unspent = UnspentCode::new(&code, &realm, approved.id, returns_to, NOW);
    approved.code = Some(unspent.clone());
    check("grant-approved", &approved);

    let mut refreshed = grant();
    refreshed.redeemed = Some(unspent.redeemed(None));
    let first = RefreshToken::first(refreshed.id, [0x77; 32], keys.refresh());
    let salt = [0x88; 16];
    let second = first.successor(&salt, keys.refresh());
    let state = RefreshState::first(&first, &realm, NOW);
    refreshed.refresh = Some(state.rotated(&second, Some(salt), &realm, NOW));
    refreshed.issued = Some(IssuedTokens::first(NOW));
    refreshed.confirmation = Some(Confirmation::Certificate([0x99; 32]));
    check("grant-refreshed", &refreshed);

    let client_id = "app".parse().unwrap();
    let mut token = AccessToken::new(client_id, "read".parse().unwrap(), NOW, NOW);
    check("access-token", &token);
    token.subject = Some("alice".parse().unwrap());
    token.audience = vec!["https://api.example".into()];
    token.profile = Some("odd".into());
    token.confirmation = Some(Confirmation::Jwk([0xaa; 32]));
    token.authentication = Some(Box::new(authentication()));
    token.authorization_details = Some(r#"[{"type":"payment"}]"#.parse().unwrap());
    token.actor = Some(Box::new(actor()));
    token.data = Some(r#"{"tenant":"north"}"#.parse().unwrap());
    check("access-token-full", &token);

    let namespaces = Namespaces {
        names: vec!["https://login.example".into()],
        ..Namespaces::default()
    };
    check("namespaces", &namespaces);
    check("code-pointer", &CodePointer { grant: approved.id });
    check("operator-secret", &StoredSecret::new([0xbb; 32]));

    let resources = request().resources;
    let consent = Consent::default()
        .and(&"read".parse().unwrap(), &resources, NOW, NOW)
        .and(&"write".parse().unwrap(), &[], NOW, NOW);
    check("consent", &consent);
}
