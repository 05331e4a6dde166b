//! The `Authorization` header of a client (RFC 6749 §2.3.1).

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use oauth_core::{client::Authorization, types::Secret};
use zeroize::Zeroizing;

use super::{
    Limits,
    params::{decode, split_at_first},
};

/// Reads the header.
pub(super) fn authorization(headers: &HeaderMap, limits: &Limits) -> Option<Authorization> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return Some(Authorization::Malformed);
    }
    Some(
        value
            .to_str()
            .ok()
            .and_then(|value| read(value, limits))
            .unwrap_or(Authorization::Malformed),
    )
}

fn read(value: &str, limits: &Limits) -> Option<Authorization> {
    let (scheme, credentials) = split_at_first(value, b' ')?;
    let credentials = credentials.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("basic") {
        let (scheme, credentials) = (scheme.to_ascii_lowercase(), Secret::new(credentials));
        return Some(Authorization::Other {
            scheme,
            credentials,
        });
    }
    let decoded = Zeroizing::new(STANDARD.decode(credentials).ok()?);
    let (client_id, secret) = split_at_first(std::str::from_utf8(&decoded).ok()?, b':')?;
    // Form-decoded after base64, and each by itself: an id may hold a colon.
    let (client_id, secret): (Arc<str>, _) = (
        decode(client_id).ok()?.into(),
        Secret::new(decode(secret).ok()?),
    );
    // They are no longer than in a form, since they go to the same places: the client store and the log.
    (client_id.len().max(secret.expose().len()) <= limits.value)
        .then_some(Authorization::Basic { client_id, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> Option<Authorization> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        authorization(&headers, &Limits::default())
    }

    /// 6749-2.3.1-b
    #[test]
    fn basic_is_form_decoded_after_base64() {
        for (text, id, secret) in [
            ("app:secret", "app", "secret"),
            (
                "odd+client%3A%2B%2541:s%3A+%25%C3%A9",
                "odd client:+%41",
                "s: %é",
            ),
            ("app:", "app", ""),
            ("app:a:b", "app", "a:b"),
        ] {
            for scheme in ["Basic", "basic", "BASIC "] {
                match header(&format!("{scheme} {}", STANDARD.encode(text))) {
                    Some(Authorization::Basic {
                        client_id,
                        secret: found,
                    }) => {
                        assert_eq!((&*client_id, found.expose()), (id, secret));
                    }
                    other => panic!("{text}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        let no_colon = format!("Basic {}", STANDARD.encode("app"));
        let bad_escape = format!("Basic {}", STANDARD.encode("app:100%"));
        let not_utf8 = format!("Basic {}", STANDARD.encode(b"app:\xff"));
        for bad in [
            "Basic",
            "Basic !!!",
            "Basic YXBwOg",
            &no_colon,
            &bad_escape,
            &not_utf8,
        ] {
            assert!(
                matches!(header(bad), Some(Authorization::Malformed)),
                "{bad}"
            );
        }
        assert!(
            matches!(header("Bearer x"), Some(Authorization::Other { scheme, .. }) if scheme == "bearer")
        );
        assert!(authorization(&HeaderMap::new(), &Limits::default()).is_none());
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, "Basic YXBwOnM=".parse().unwrap());
        twice.append(AUTHORIZATION, "Basic YXBwOnM=".parse().unwrap());
        assert!(matches!(
            authorization(&twice, &Limits::default()),
            Some(Authorization::Malformed)
        ));
    }
}
