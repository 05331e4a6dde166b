//! The `Authorization` header of a client (RFC 6749 §2.3.1).

use std::sync::Arc;

use base64::{DecodeSliceError, Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use oauth_core::{client::Authorization, types::Secret};
use zeroize::{Zeroize, Zeroizing};

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
    decoded(credentials, |decoded| basic(decoded, limits))
}

/// What `read` makes of what base64 stands for. That is wiped afterwards, and lies in no allocation of its own if it is short, as it
/// is nearly always.
fn decoded<R>(base64: &str, read: impl FnOnce(&[u8]) -> Option<R>) -> Option<R> {
    let mut room = [0; 128];
    match STANDARD.decode_slice(base64, &mut room) {
        Ok(len) => {
            let answer = read(&room[..len]);
            room[..len].zeroize();
            answer
        }
        Err(DecodeSliceError::OutputSliceTooSmall) => {
            read(&Zeroizing::new(STANDARD.decode(base64).ok()?))
        }
        Err(DecodeSliceError::DecodeError(_)) => {
            room.zeroize();
            None
        }
    }
}

/// `client_id:client_secret`.
fn basic(decoded: &[u8], limits: &Limits) -> Option<Authorization> {
    let (client_id, secret) = split_at_first(std::str::from_utf8(decoded).ok()?, b':')?;
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
            (&format!("app:{}", "s".repeat(120)), "app", &"s".repeat(120)),
            (&format!("app:{}", "s".repeat(125)), "app", &"s".repeat(125)),
            (
                &format!("app:{}", "s".repeat(2000)),
                "app",
                &"s".repeat(2000),
            ),
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
        let long_and_bad = format!("Basic {}!", STANDARD.encode([b'a'; 500]));
        let too_long = STANDARD.encode(format!("app:{}", "s".repeat(2049)));
        let too_long = format!("Basic {too_long}");
        for bad in [
            "Basic",
            "Basic !!!",
            "Basic YXBwOg",
            &no_colon,
            &bad_escape,
            &not_utf8,
            &long_and_bad,
            &too_long,
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
