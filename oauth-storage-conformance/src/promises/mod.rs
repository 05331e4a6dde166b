//! What a server promises over a store that fails.

mod client;
mod world;

use std::sync::Arc;

use oauth_core::store::Store;

use self::world::World;
use crate::{Fault, Harness, Operation};

/// Whichever call of the store fails, in whichever way: the server answers what it would have, and all of that is there; or it
/// says that it cannot answer now, and nothing is spent.
///
/// A server over the store runs every flow once for every call of the store that the flow makes and every [`Fault`] of it.
pub async fn a_server_keeps_its_promises_whichever_call_fails(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for flow in FLOWS {
        let calls = {
            let world = World::new(&store).await;
            let came = world.run(flow).await;
            holds(came == Came::Granted, flow, "nothing", &came);
            world.calls()
        };
        for (operation, calls) in OPERATIONS.into_iter().zip(calls) {
            let kinds = KINDS.into_iter().filter(|kind| kind.is_of(operation));
            for (kind, call) in kinds.flat_map(|kind| (0..calls).map(move |call| (kind, call))) {
                disturbed(&store, flow, operation, call, kind).await;
            }
        }
    }
}

/// Runs a flow while one call of the store fails, and then again.
async fn disturbed(
    store: &Arc<dyn Store>,
    flow: Flow,
    operation: Operation,
    call: usize,
    kind: Kind,
) {
    let world = World::new(store).await;
    let passes = std::iter::repeat_with(|| Fault::None).take(call);
    world.store.plan(operation, passes.chain([kind.fault()]));
    let came = world.run(flow).await;
    let what = format!("{kind:?} of {operation:?} {call}");
    let may_come_later = match (operation, kind) {
        (_, Kind::Delayed) | (Operation::Commit, Kind::AnswerLost) => false,
        // An end expects nothing, and only a store that is out of its mind contradicts it.
        (_, Kind::Conflict) => matches!(flow, Flow::Withdraw | Flow::EndGrant),
        _ => true,
    };
    holds(
        came == Came::Granted || came == Came::Later && may_come_later,
        flow,
        &what,
        &came,
    );
    if came == Came::Later {
        let again = world.run(flow).await;
        holds(
            again == Came::Granted,
            flow,
            &format!("{what}, and a retry"),
            &again,
        );
    }
}

fn holds(holds: bool, flow: Flow, what: &str, came: &Came) {
    require!(
        "what the server answered is there; and if it could not answer, nothing is spent",
        holds,
        "{flow:?} came to {came:?}, after {what}"
    );
}

/// What a client or a user wants.
#[derive(Clone, Copy, Debug)]
enum Flow {
    Approve,
    Redeem,
    Refresh,
    ClientCredentials,
    Validate,
    Introspect,
    Revoke,
    Withdraw,
    EndGrant,
}

const FLOWS: [Flow; 9] = [
    Flow::Approve,
    Flow::Redeem,
    Flow::Refresh,
    Flow::ClientCredentials,
    Flow::Validate,
    Flow::Introspect,
    Flow::Revoke,
    Flow::Withdraw,
    Flow::EndGrant,
];

const OPERATIONS: [Operation; 4] = [
    Operation::Load,
    Operation::Commit,
    Operation::List,
    Operation::Prune,
];

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Unavailable,
    Lost,
    AnswerLost,
    Conflict,
    Delayed,
}

const KINDS: [Kind; 5] = [
    Kind::Unavailable,
    Kind::Lost,
    Kind::AnswerLost,
    Kind::Conflict,
    Kind::Delayed,
];

impl Kind {
    /// Whether it is something else than being unavailable.
    fn is_of(self, operation: Operation) -> bool {
        operation == Operation::Commit || !matches!(self, Self::Lost | Self::Conflict)
    }

    fn fault(self) -> Fault {
        match self {
            Self::Unavailable => Fault::Unavailable,
            Self::Lost => Fault::Lost,
            Self::AnswerLost => Fault::AnswerLost,
            Self::Conflict => Fault::Conflict,
            Self::Delayed => Fault::delay(20),
        }
    }
}

/// What came of it.
#[derive(Debug, PartialEq)]
enum Came {
    /// As it should, and all that was answered is there.
    Granted,
    /// The server cannot answer now.
    Later,
    /// Anything else: a denial, or an answer that is not true.
    Wrong(String),
}
