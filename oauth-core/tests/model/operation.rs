//! What can happen.

use proptest::prelude::*;

use crate::peril::Fate;

/// Something that happens. Numbers choose from what there is by then, the newest first, and nothing happens if that is nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Authorize {
        client: usize,
        wide: bool,
    },
    Approve {
        pending: usize,
        user: usize,
        narrow: bool,
        remember: bool,
        fate: Fate,
    },
    ApproveRemembered {
        pending: usize,
        user: usize,
        fate: Fate,
    },
    Deny {
        pending: usize,
    },
    Redeem {
        grant: usize,
        how: Redeeming,
        fate: Fate,
    },
    Refresh {
        token: usize,
        how: Refreshing,
        fate: Fate,
    },
    ClientCredentials,
    RevokeAccess {
        token: usize,
        by_owner: bool,
    },
    RevokeRefresh {
        token: usize,
        by_owner: bool,
    },
    Withdraw {
        client: usize,
        user: usize,
    },
    EndGrant {
        grant: usize,
    },
    EndUser {
        user: usize,
    },
    EndClient {
        client: usize,
    },
    Advance {
        millis: u64,
    },
    Prune,
    Restart,
    /// The next step of replacing the operator secret.
    RotateSecret,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Redeeming {
    Right,
    WrongClient,
    WrongVerifier,
    WrongRedirectUri,
    WrongResource,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refreshing {
    Right,
    /// With half of the scope, if that has two halves.
    Reading,
    /// With the other half.
    Writing,
    Widened,
    WrongClient,
    WrongResource,
}

pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operation(), 1..80)
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation as O;
    let client = 0..4_usize;
    let user = 0..2_usize;
    // Mostly what is new.
    let index = || prop_oneof![3 => Just(0_usize), 2 => 0..3_usize, 1 => 0..40_usize];
    prop_oneof![
        6 => (client.clone(), any::<bool>()).prop_map(|(client, wide)| O::Authorize { client, wide }),
        8 => (index(), user.clone(), any::<bool>(), any::<bool>(), fate())
            .prop_map(|(pending, user, narrow, remember, fate)| O::Approve { pending, user, narrow, remember, fate }),
        3 => (index(), user.clone(), fate())
            .prop_map(|(pending, user, fate)| O::ApproveRemembered { pending, user, fate }),
        1 => index().prop_map(|pending| O::Deny { pending }),
        10 => (index(), redeeming(), fate()).prop_map(|(grant, how, fate)| O::Redeem { grant, how, fate }),
        18 => (index(), refreshing(), fate()).prop_map(|(token, how, fate)| O::Refresh { token, how, fate }),
        1 => Just(O::ClientCredentials),
        3 => (index(), prop::bool::weighted(0.7)).prop_map(|(token, by_owner)| O::RevokeAccess { token, by_owner }),
        1 => (index(), prop::bool::weighted(0.5)).prop_map(|(token, by_owner)| O::RevokeRefresh { token, by_owner }),
        1 => (client.clone(), user.clone()).prop_map(|(client, user)| O::Withdraw { client, user }),
        1 => index().prop_map(|grant| O::EndGrant { grant }),
        1 => prop_oneof![
            user.prop_map(|user| O::EndUser { user }),
            client.prop_map(|client| O::EndClient { client }),
        ],
        8 => passing().prop_map(|millis| O::Advance { millis }),
        1 => Just(O::Prune),
        1 => Just(O::Restart),
        2 => Just(O::RotateSecret),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Fine),
        1 => Just(Fate::Lost),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::DiesBefore),
        1 => Just(Fate::DiesAfter),
    ]
}

fn redeeming() -> impl Strategy<Value = Redeeming> {
    prop_oneof![
        6 => Just(Redeeming::Right),
        1 => Just(Redeeming::WrongClient),
        1 => Just(Redeeming::WrongVerifier),
        1 => Just(Redeeming::WrongRedirectUri),
        1 => Just(Redeeming::WrongResource),
    ]
}

fn refreshing() -> impl Strategy<Value = Refreshing> {
    prop_oneof![
        8 => Just(Refreshing::Right),
        3 => Just(Refreshing::Reading),
        3 => Just(Refreshing::Writing),
        1 => Just(Refreshing::Widened),
        1 => Just(Refreshing::WrongClient),
        1 => Just(Refreshing::WrongResource),
    ]
}

/// Up to the edges of what ends, and past them.
fn passing() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(vec![1_u64, 10, 2_999, 3_011, 6_999, 7_001, 11_003, 29_999, 30_000]),
        3 => 1_000..60_000_u64,
        2 => prop::sample::select(vec![40_009_u64, 59_999, 60_000, 100_007, 299_999, 300_000, 900_000]),
        1 => 300_000..4_000_000_u64,
        1 => Just(100 * 3600 * 1000),
    ]
}
