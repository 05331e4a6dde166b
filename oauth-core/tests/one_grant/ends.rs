//! A closed or absent anchor is an ended grant: every endpoint answers as for an unknown token, and changes nothing.

use oauth_core::{
    authorize::{InteractionDenial, Verdict},
    client::ClientRequest,
    grant::{CodeDenial, TokenDenial},
    server::Ended,
    store::OwnedBy,
};

use crate::common::{
    clients::{self, APP, INSPECTOR, WEB},
    flow::{approve, code_in, from, refresh_token},
    seconds, subject,
    watched::watched,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    ByTheHost,
    Withdrawn,
    /// By revoking the current refresh token.
    Revoked,
    /// By revoking an old refresh token.
    RevokedByAnOldToken,
    /// By an access token, where that ends all.
    RevokedWhole,
    Replayed,
    Reused,
    /// All of it is over, and forgotten.
    Forgotten,
}

#[tokio::test]
async fn an_ended_grant_is_unknown_everywhere() {
    for end in [
        End::ByTheHost,
        End::Withdrawn,
        End::Revoked,
        End::RevokedByAnOldToken,
        End::RevokedWhole,
        End::Replayed,
        End::Reused,
        End::Forgotten,
    ] {
        let (fixture, store) = watched(|_| {});
        let interaction = fixture.pend(WEB, &[]).await;
        let yes = Verdict::Approve(approve("alice"));
        let settled = fixture.settle(&interaction, yes.clone()).await.unwrap();
        let code = code_in(&settled.response);
        let mut tokens = vec![fixture.redeem(WEB, &code).await.unwrap()];
        for _ in 0..4 {
            tokens.push(fixture.next(tokens.last().unwrap()).await);
        }
        let last = tokens.last().unwrap();
        match end {
            End::ByTheHost => fixture
                .server
                .end_grant(settled.grant.unwrap())
                .await
                .unwrap(),
            End::Withdrawn => {
                let client = WEB.parse().unwrap();
                let ended = fixture.server.withdraw(&subject("alice"), &client).await;
                assert_eq!(ended.unwrap(), 1);
            }
            End::Revoked => fixture.revoke(WEB, refresh_token(last)).await.unwrap(),
            End::RevokedByAnOldToken => {
                fixture
                    .revoke(WEB, refresh_token(&tokens[0]))
                    .await
                    .unwrap();
            }
            End::RevokedWhole => {
                let token = &tokens[2].access_token;
                fixture.server.revoke_grant(None, token).await.unwrap();
            }
            End::Replayed => {
                let answer = fixture.redeem(WEB, &code).await.unwrap_err();
                assert_eq!(answer, TokenDenial::Code(CodeDenial::Replayed));
            }
            End::Reused => {
                let used = refresh_token(&tokens[0]);
                fixture.refresh(WEB, used, &[]).await.unwrap_err();
            }
            End::Forgotten => {
                fixture.clock.advance(seconds(33 * 24 * 3600));
                fixture.server.prune(100).await.unwrap();
            }
        }
        let left = usize::from(end != End::Forgotten);
        assert_eq!(fixture.records(), left, "{end:?}: the closed grant");
        let what = format!("{end:?}");
        fixture.is_unknown_code(&store, &code, &what).await;
        let before = store.records().await;
        for tokens in &tokens {
            fixture
                .is_unknown(&store, refresh_token(tokens), &what)
                .await;
            let access_token = &tokens.access_token;
            fixture.knows_nothing_of(access_token, &what).await;
        }
        // Neither code nor token of it leads to anything with somebody else's hands.
        for token in [refresh_token(last), &tokens[0].access_token] {
            fixture.revoke(APP, token).await.unwrap();
        }
        let again = fixture.settle(&interaction, yes).await.unwrap_err();
        let expected = match end {
            End::Forgotten => InteractionDenial::Expired,
            _ => InteractionDenial::AlreadyDecided,
        };
        assert_eq!(again, expected, "{end:?}");
        fixture
            .server
            .end_grant(settled.grant.unwrap())
            .await
            .unwrap();
        let page = fixture
            .server
            .grants(OwnedBy::Subject("alice".into()), None, 9);
        assert!(page.await.unwrap().grants.is_empty(), "{end:?}");
        assert_eq!(store.records().await, before, "{end:?}");
    }
}

/// An unspent code ends with its grant, too.
#[tokio::test]
async fn an_ended_grant_has_no_code() {
    let (fixture, store) = watched(|_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    let yes = Verdict::Approve(approve("alice"));
    let settled = fixture.settle(&interaction, yes.clone()).await.unwrap();
    let code = code_in(&settled.response);
    fixture
        .server
        .end_grant(settled.grant.unwrap())
        .await
        .unwrap();
    fixture.is_unknown_code(&store, &code, "ended").await;
    let again = fixture.settle(&interaction, yes).await.unwrap_err();
    assert_eq!(again, InteractionDenial::AlreadyDecided);
}

/// Grants whose code was never redeemed are listed until the code ends, and forgotten with the handle.
#[tokio::test]
async fn a_grant_that_nobody_redeems_is_listed_until_its_code_ends() {
    let (fixture, _) = watched(|_| {});
    fixture.code(WEB).await;
    let listed = async || {
        let page = fixture
            .server
            .grants(OwnedBy::Subject("alice".into()), None, 9);
        let connections = fixture.server.connections(&subject("alice")).await.unwrap();
        (page.await.unwrap().grants.len(), connections.len())
    };
    assert_eq!(listed().await, (1, 1));
    fixture.clock.advance(seconds(59));
    assert_eq!(listed().await, (1, 1));
    fixture.clock.advance(seconds(1));
    assert_eq!(listed().await, (0, 0));
    // The mark that the handle was decided outlives it, by the margin between clocks.
    fixture.clock.advance(seconds(1800 - 60 + 600 - 1));
    assert_eq!(
        (fixture.server.prune(9).await.unwrap(), fixture.records()),
        (0, 1)
    );
    fixture.clock.advance(seconds(1));
    assert_eq!(
        (fixture.server.prune(9).await.unwrap(), fixture.records()),
        (1, 0)
    );
}

/// What a client learns of a pair is of its own tokens only.
#[tokio::test]
async fn an_old_token_tells_nothing_of_its_pair() {
    let (fixture, _) = watched(|_| {});
    let first = fixture.tokens(WEB).await;
    let second = fixture.next(&first).await;
    let third = fixture.next(&second).await;
    let all = clients::all();
    let client = |id: &str| all.iter().find(|own| own.id().as_str() == id).unwrap();
    let rows = [
        ("the current one", &third, WEB, (false, false)),
        ("the previous one", &second, WEB, (false, true)),
        ("one before", &first, WEB, (true, true)),
        ("another client's", &third, INSPECTOR, (true, true)),
    ];
    for (what, tokens, asking, expected) in rows {
        let token = refresh_token(tokens);
        let Ended {
            access_token,
            refresh_token,
            ..
        } = fixture.server.ended(client(asking), token).await.unwrap();
        assert_eq!((access_token, refresh_token), expected, "{what}");
    }
}

/// A request that names no token ends nothing.
#[tokio::test]
async fn knowing_the_id_of_a_grant_ends_nothing() {
    let (fixture, store) = watched(|_| {});
    let tokens = fixture.tokens(WEB).await;
    let page = fixture
        .server
        .grants(OwnedBy::Subject("alice".into()), None, 9);
    let id = page.await.unwrap().grants[0].id;
    let before = store.records().await;
    let requests: Vec<ClientRequest> = [id.to_string(), format!("oauth_rt_{id}")]
        .iter()
        .map(|text| from(WEB, &[("token", text)]))
        .collect();
    for request in &requests {
        fixture.server.revoke(request).await.unwrap();
    }
    assert_eq!(store.records().await, before);
    fixture.next(&tokens).await;
}
