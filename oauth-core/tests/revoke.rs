//! Revocation: of an access token alone, or of a refresh token with its whole family.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::{
    Answered, Fixture,
    clients::{self, APP, LEGACY, MACHINE, POST, WEB},
    flow::{from, refresh_token, wire},
    seconds, secret,
};
use oauth_core::{
    event::Event,
    token::{RevocationDenial, TokenResponse},
    types::Secret,
};

async fn is_refreshable(fixture: &Fixture, client: &str, token: &Secret) -> bool {
    wire(&fixture.refresh(client, token, &[]).await) == "ok"
}

/// Two access tokens of one grant, and its refresh token.
async fn two(fixture: &Fixture, client: &str) -> (TokenResponse, TokenResponse) {
    let first = fixture.tokens(client).await;
    let second = fixture.refresh(client, refresh_token(&first), &[]).await;
    (first, second.unwrap())
}

/// 7009-2-b, 7009-2.1-g, 7009-2.1-i: it ends at once, and nothing else does.
#[tokio::test]
async fn an_access_token_ends_alone() {
    for client in [WEB, POST, APP] {
        let fixture = Fixture::new();
        let (first, second) = two(&fixture, client).await;
        fixture.revoke(client, &first.access_token).await.unwrap();
        assert!(matches!(
            fixture.events.last(),
            Event::Revoked { family: false, .. }
        ));
        assert!(!fixture.is_valid(&first.access_token).await);
        assert!(!fixture.is_active(&first.access_token).await);
        assert!(fixture.is_valid(&second.access_token).await);
        assert!(is_refreshable(&fixture, client, refresh_token(&second)).await);
    }
}

/// 7009-2-a, 7009-2.1-g, 7009-2.1-h
#[tokio::test]
async fn a_refresh_token_ends_with_its_family() {
    for client in [WEB, POST, APP] {
        for used in [false, true] {
            let fixture = Fixture::new();
            let other = fixture.tokens(client).await;
            let (first, second) = two(&fixture, client).await;
            // One that was used stands for its family as well: its client may not have the next one yet.
            let token = refresh_token(if used { &first } else { &second });
            fixture.revoke(client, token).await.unwrap();
            assert!(matches!(
                fixture.events.last(),
                Event::Revoked { family: true, .. }
            ));
            for tokens in [&first, &second] {
                assert!(!fixture.is_valid(&tokens.access_token).await);
                assert!(!fixture.is_active(refresh_token(tokens)).await);
                assert!(!is_refreshable(&fixture, client, refresh_token(tokens)).await);
            }
            assert!(fixture.is_valid(&other.access_token).await);
            assert!(is_refreshable(&fixture, client, refresh_token(&other)).await);
        }
    }
}

/// 7009-2.2-b, 7009-2.1-c, 7009-2.2-c: what is not there is as good as revoked, and a hint hides nothing.
#[tokio::test]
async fn a_hint_is_a_hint() {
    for hint in ["access_token", "refresh_token", "foo", ""] {
        let fixture = Fixture::new();
        let tokens = fixture.tokens(WEB).await;
        let revoke = async |token: &str| {
            let request = from(WEB, &[("token", token), ("token_type_hint", hint)]);
            fixture.server.revoke(&request).await.outcome()
        };
        assert_eq!(revoke("nothing").await, Ok(()), "7009-2.2-b {hint}");
        assert!(fixture.is_valid(&tokens.access_token).await);
        for _ in 0..2 {
            assert_eq!(
                revoke(tokens.access_token.expose()).await,
                Ok(()),
                "7009-2.1-c {hint}"
            );
            assert!(!fixture.is_valid(&tokens.access_token).await);
        }
        assert!(fixture.is_active(refresh_token(&tokens)).await);
        for _ in 0..2 {
            assert_eq!(
                revoke(refresh_token(&tokens).expose()).await,
                Ok(()),
                "7009-2.1-c {hint}"
            );
            assert!(!fixture.is_active(refresh_token(&tokens)).await);
        }
    }
}

#[tokio::test]
async fn an_expired_token_is_as_good_as_revoked() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    fixture.clock.advance(seconds(31 * 24 * 3600));
    for token in [&tokens.access_token, refresh_token(&tokens)] {
        // 7009-2.2-b
        assert_eq!(fixture.revoke(WEB, token).await, Ok(()));
    }
}

/// 7009-2.1-f: a client revokes its own tokens.
#[tokio::test]
async fn a_token_of_another_client_stays() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    for client in [LEGACY, POST, APP] {
        for token in [&tokens.access_token, refresh_token(&tokens)] {
            let denial = fixture.revoke(client, token).await.unwrap_err();
            assert_eq!(denial, RevocationDenial::WrongClient);
            assert_eq!(denial.refusal().code.as_str(), "invalid_grant");
            assert!(
                matches!(fixture.events.last(), Event::RevocationDenied { client_id: Some(id), .. } if id.as_str() == client)
            );
        }
    }
    assert!(fixture.is_valid(&tokens.access_token).await);
    assert!(is_refreshable(&fixture, WEB, refresh_token(&tokens)).await);
}

/// 7009-2.1-b
#[tokio::test]
async fn a_request_names_one_token() {
    let fixture = Fixture::new();
    let tokens = fixture.tokens(WEB).await;
    let token = tokens.access_token.expose();
    for (params, denial) in [
        (vec![], RevocationDenial::Missing),
        (vec![("token", "")], RevocationDenial::Missing),
        (
            vec![("token", token), ("token", token)],
            RevocationDenial::Repeated,
        ),
        (
            vec![("token", token), ("foo", ""), ("foo", "")],
            RevocationDenial::Repeated,
        ),
    ] {
        let answer = fixture.server.revoke(&from(WEB, &params)).await.outcome();
        assert_eq!(answer, Err(denial));
        assert_eq!(denial.refusal().code.as_str(), "invalid_request");
        assert!(
            matches!(fixture.events.last(), Event::RevocationDenied { reason, .. } if reason == denial)
        );
    }
    assert!(fixture.is_valid(&tokens.access_token).await);
}

/// The last access token outlives the grant, and until it ends the family is known, so that it can be ended.
#[tokio::test]
async fn a_family_is_known_for_as_long_as_its_last_access_token_lives() {
    for by_code in [false, true] {
        let fixture = Fixture::new();
        let code = fixture.code(WEB).await;
        let first = fixture.redeem(WEB, &code).await.unwrap();
        fixture.clock.advance(seconds(30 * 24 * 3600 - 1));
        let last = fixture.refresh(WEB, refresh_token(&first), &[]).await;
        let last = last.unwrap();
        fixture.clock.advance(seconds(3599));
        fixture.server.prune(100).await.unwrap();
        assert!(fixture.is_valid(&last.access_token).await);
        if by_code {
            fixture.redeem(WEB, &code).await.unwrap_err();
        } else {
            fixture.revoke(WEB, refresh_token(&last)).await.unwrap();
        }
        assert!(!fixture.is_valid(&last.access_token).await);
    }
}

/// A revoked token stays revoked: what was pruned or issued since does not bring it back.
#[tokio::test]
async fn nothing_revoked_comes_back() {
    let fixture = Fixture::new();
    let code = fixture.code(WEB).await;
    let tokens = fixture.redeem(WEB, &code).await.unwrap();
    fixture.revoke(WEB, refresh_token(&tokens)).await.unwrap();
    for _ in 0..40 {
        fixture.clock.advance(seconds(24 * 3600));
        fixture.server.prune(100).await.unwrap();
        fixture.tokens(WEB).await;
        assert!(!fixture.is_valid(&tokens.access_token).await);
        assert!(!is_refreshable(&fixture, WEB, refresh_token(&tokens)).await);
        assert_eq!(wire(&fixture.redeem(WEB, &code).await), "invalid_grant");
    }
    assert_eq!(fixture.revoke(WEB, &secret("oauth_rt_x")).await, Ok(()));
}

/// Ending the grant of a token ends all of that and nothing else, for the client whose it is, and for whoever holds a token that
/// can be used. One that cannot is no key to anything.
#[tokio::test]
async fn a_grant_ends_with_its_token() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Caller {
        Owner,
        Other,
        Holder,
    }
    #[derive(Clone, Copy, Debug)]
    enum Shown {
        Access,
        EarlierAccess,
        ExpiredAccess,
        Refresh,
        UsedRefresh,
        ExpiredRefresh,
        Unknown,
    }
    use Caller::{Holder, Other, Owner};
    use Shown as S;
    let denied = Err(RevocationDenial::WrongClient);
    let rows = [
        (Owner, S::Access, Ok(()), true),
        (Owner, S::EarlierAccess, Ok(()), true),
        (Owner, S::Refresh, Ok(()), true),
        (Owner, S::UsedRefresh, Ok(()), true),
        (Owner, S::Unknown, Ok(()), false),
        (Other, S::Access, denied, false),
        (Other, S::EarlierAccess, denied, false),
        (Other, S::Refresh, denied, false),
        (Other, S::UsedRefresh, denied, false),
        (Other, S::Unknown, Ok(()), false),
        (Holder, S::Access, Ok(()), true),
        (Holder, S::EarlierAccess, Ok(()), true),
        (Holder, S::ExpiredAccess, Ok(()), false),
        (Holder, S::Refresh, Ok(()), true),
        (Holder, S::UsedRefresh, Ok(()), false),
        (Holder, S::ExpiredRefresh, Ok(()), false),
        (Holder, S::Unknown, Ok(()), false),
    ];
    let all = clients::all();
    for (caller, shown, expected, is_ended) in rows {
        let what = format!("{caller:?} {shown:?}");
        let fixture = Fixture::new();
        let others = fixture.tokens_for(WEB, "bob", &[]).await;
        let (first, second) = two(&fixture, WEB).await;
        let token = match shown {
            S::Access | S::ExpiredAccess => second.access_token.clone(),
            S::EarlierAccess => first.access_token.clone(),
            S::Refresh | S::ExpiredRefresh => refresh_token(&second).clone(),
            S::UsedRefresh => refresh_token(&first).clone(),
            S::Unknown => secret("oauth_at_unknown"),
        };
        match shown {
            S::ExpiredAccess => fixture.clock.advance(seconds(3600)),
            S::ExpiredRefresh => fixture.clock.advance(seconds(30 * 24 * 3600)),
            _ => {}
        }
        fixture.events.take();
        let records = fixture.records();
        let client = |id: &str| all.iter().find(|client| client.id().as_str() == id);
        let client = match caller {
            Owner => client(WEB),
            Other => client(LEGACY),
            Holder => None,
        };
        let answer = fixture.server.revoke_grant(client, &token).await.outcome();
        assert_eq!(answer, expected, "{what}");
        let told = fixture.events.take();
        match told.as_slice() {
            [Event::Revoked { client_id, family }] => {
                let id = if caller == Other { LEGACY } else { WEB };
                assert_eq!((client_id.as_str(), *family), (id, is_ended), "{what}");
            }
            [Event::RevocationDenied { .. }] => assert!(answer.is_err(), "{what}"),
            told => assert!(told.is_empty() && caller == Holder && !is_ended, "{what}"),
        }
        if is_ended {
            for tokens in [&first, &second] {
                assert!(!fixture.is_valid(&tokens.access_token).await, "{what}");
                assert!(!fixture.is_active(refresh_token(tokens)).await, "{what}");
            }
        } else {
            assert_eq!(fixture.records(), records, "{what}");
        }
        if !matches!(shown, S::ExpiredRefresh) {
            let token = refresh_token(&second);
            assert_eq!(is_refreshable(&fixture, WEB, token).await, !is_ended);
            assert!(is_refreshable(&fixture, WEB, refresh_token(&others)).await);
        }
    }
}

/// A token without a grant ends by itself.
#[tokio::test]
async fn a_token_without_a_grant_ends_alone() {
    let all = clients::all();
    let machine = all.iter().find(|client| client.id().as_str() == MACHINE);
    for caller in [machine, None] {
        let fixture = Fixture::new();
        let request = from(MACHINE, &[("grant_type", "client_credentials")]);
        let one = fixture.token(&request).await.unwrap();
        let two = fixture.token(&request).await.unwrap();
        let ended = fixture.server.revoke_grant(caller, &one.access_token).await;
        assert_eq!(ended.outcome(), Ok(()));
        assert!(matches!(
            fixture.events.last(),
            Event::Revoked { family: false, .. }
        ));
        assert!(!fixture.is_valid(&one.access_token).await);
        assert!(fixture.is_valid(&two.access_token).await);
    }
}
