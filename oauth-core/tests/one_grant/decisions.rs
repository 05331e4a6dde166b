//! The decision of a pending request: creating the grant's record is the mark that it was made.

use oauth_core::{
    authorize::{InteractionDenial, Verdict},
    store::{Key, Kind, Realm, Store},
    time::Clock,
};

use crate::common::{
    ISSUER,
    clients::{self, BRIEF, PAGE, WEB},
    flow::{answered, approve, code_in, narrowed, refresh_token, remembered},
    millis, seconds, subject,
    watched::watched,
};

fn yes() -> Verdict {
    Verdict::Approve(approve("alice"))
}

/// What has happened between the decision and its repetition.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    Redeemed,
    Ended,
    Withdrawn,
    CodeExpired,
}

/// The identical repeat within the grace, while the code is unspent, gets the identical redirect; anything else is already decided.
#[tokio::test]
async fn only_the_identical_repeat_in_time_gets_the_answer_again() {
    use Meanwhile as M;
    let rows = [
        ("the same", M::Nothing, 0, yes(), true),
        ("the same in time", M::Nothing, 29_999, yes(), true),
        ("the same too late", M::Nothing, 30_000, yes(), false),
        (
            "the same after the code was redeemed",
            M::Redeemed,
            0,
            yes(),
            false,
        ),
        (
            "the same after the grant was ended",
            M::Ended,
            0,
            yes(),
            false,
        ),
        (
            "the same after it was withdrawn",
            M::Withdrawn,
            0,
            yes(),
            false,
        ),
        (
            "the same after its code has expired",
            M::CodeExpired,
            0,
            yes(),
            false,
        ),
        (
            "another user",
            M::Nothing,
            0,
            Verdict::Approve(approve("bob")),
            false,
        ),
        (
            "less scope",
            M::Nothing,
            0,
            narrowed("alice", "read"),
            false,
        ),
        ("remembered", M::Nothing, 0, remembered("alice"), false),
        (
            "from memory",
            M::Nothing,
            0,
            Verdict::ApproveRemembered(subject("alice").into()),
            false,
        ),
        ("no", M::Nothing, 0, Verdict::Deny, false),
        ("no, late", M::Nothing, 30_000, Verdict::Deny, false),
        (
            "no, after the code was redeemed",
            M::Redeemed,
            0,
            Verdict::Deny,
            false,
        ),
        (
            "no, after the grant was ended",
            M::Ended,
            0,
            Verdict::Deny,
            false,
        ),
    ];
    for (what, meanwhile, after, second, is_same) in rows {
        let (fixture, store) = watched(|_| {});
        let interaction = fixture.pend(WEB, &[("scope", "read write")]).await;
        let first = fixture.settle(&interaction, yes()).await.unwrap();
        assert_eq!(store.take_written(), 1, "one record");
        match meanwhile {
            M::Nothing => {}
            M::Redeemed => {
                let code = code_in(&first.response);
                fixture.redeem(WEB, &code).await.unwrap();
            }
            M::Ended => fixture
                .server
                .end_grant(first.grant.unwrap())
                .await
                .unwrap(),
            M::Withdrawn => {
                let client = WEB.parse().unwrap();
                let ended = fixture.server.withdraw(&subject("alice"), &client).await;
                assert_eq!(ended.unwrap(), 1);
            }
            M::CodeExpired => fixture.clock.advance(seconds(60)),
        }
        fixture.clock.advance(millis(after));
        let before = store.records().await;
        let again = fixture.settle(&interaction, second).await;
        if is_same {
            let again = again.unwrap();
            assert_eq!(
                again.response.location(),
                first.response.location(),
                "{what}"
            );
            assert_eq!(again.grant, None, "{what}");
        } else {
            assert_eq!(
                again.unwrap_err(),
                InteractionDenial::AlreadyDecided,
                "{what}"
            );
        }
        assert_eq!(store.records().await, before, "{what}");
    }
}

/// Declining writes nothing; approving after declining is allowed.
#[tokio::test]
async fn a_declined_request_may_still_be_approved() {
    let (fixture, store) = watched(|_| {});
    let interaction = fixture.pend(WEB, &[]).await;
    for _ in 0..3 {
        let settled = fixture.settle(&interaction, Verdict::Deny).await.unwrap();
        assert_eq!(answered(&settled.response)["error"], "access_denied");
        assert_eq!(settled.grant, None);
    }
    assert_eq!((store.take_written(), fixture.records()), (0, 0));
    let settled = fixture.settle(&interaction, yes()).await.unwrap();
    assert_eq!(store.take_written(), 1);
    let no = fixture.settle(&interaction, Verdict::Deny).await;
    assert_eq!(no.unwrap_err(), InteractionDenial::AlreadyDecided);
    let code = code_in(&settled.response);
    fixture.redeem(WEB, &code).await.unwrap();
}

/// Its `forget_at` is never before the handle's expiry nor before the end of anything it issued.
#[tokio::test]
async fn a_grant_is_remembered_as_long_as_its_handle_and_its_tokens() {
    for (code_lifetime, interaction_lifetime) in [(60, 1800), (3600, 1800)] {
        for client in [WEB, BRIEF, PAGE] {
            let (fixture, store) = watched(|policy| {
                policy.code_lifetime = seconds(code_lifetime);
                policy.interaction_lifetime = seconds(interaction_lifetime);
                policy.access_token_lifetime = seconds(50 * 3600);
            });
            let forget_at = async || {
                let records = store.records().await;
                let mut grants = records.iter().filter(|(key, _)| key.kind() == Kind::GRANT);
                grants.next().unwrap().1.forget_at
            };
            let asked_at = fixture.clock.now();
            let response_type = if client == PAGE { "token" } else { "code" };
            let request = [("response_type", response_type)];
            let interaction = fixture.pend(client, &request).await;
            fixture.clock.advance(seconds(100));
            let approved_at = fixture.clock.now();
            let settled = fixture.settle(&interaction, yes()).await.unwrap();
            let expected = if client == PAGE {
                approved_at + seconds(50 * 3600)
            } else {
                (asked_at + seconds(interaction_lifetime)).max(approved_at + seconds(code_lifetime))
            };
            assert_eq!(forget_at().await, expected, "{client}");
            if client == PAGE {
                continue;
            }
            fixture.clock.advance(seconds(30));
            let code = code_in(&settled.response);
            let tokens = fixture.redeem(client, &code).await.unwrap();
            let redeemed_at = fixture.clock.now();
            assert!(forget_at().await >= expected, "{client}");
            assert!(
                forget_at().await >= redeemed_at + seconds(50 * 3600),
                "{client}"
            );
            if client == WEB {
                // At its end it can still give an access token that lives as long as any.
                let end = approved_at + seconds(30 * 24 * 3600);
                assert!(forget_at().await >= end + seconds(50 * 3600));
                assert_eq!(tokens.grant_expires_at, Some(end));
            }
        }
    }
}

/// However long access tokens live by then.
#[tokio::test]
async fn a_grant_is_remembered_as_long_as_its_last_access_token() {
    let (fixture, _) = watched(|_| {});
    let tokens = fixture.tokens(WEB).await;
    let later = fixture.beside(clients::all(), |policy| {
        policy.access_token_lifetime = seconds(99 * 24 * 3600);
    });
    fixture.clock.advance(seconds(29 * 24 * 3600));
    let next = later.next(&tokens).await;
    let id = crate::bytes(refresh_token(&next).expose())[crate::ID].to_vec();
    let key = Key::new(&Realm::new(ISSUER), Kind::GRANT, &[&id]);
    let anchor = fixture.store.load(&key).await.unwrap().unwrap();
    assert!(anchor.forget_at >= next.token.expires_at);
}
