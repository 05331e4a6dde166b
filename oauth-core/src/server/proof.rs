//! Proofs that may be used once, by which a client can authenticate.

use super::AuthorizationServer;
use crate::{
    client::{ClientDenial, Proof},
    decide::{Context, Decide, Decision, Found, Rules},
    error::{Error, Fault},
    store::{Key, Record},
};

impl AuthorizationServer {
    /// Whether a proof that may be used once was used before.
    pub(super) async fn is_used(&self, proof: &Proof) -> Result<bool, Fault> {
        Ok(match &proof.once {
            Some(mark) => self.0.store.load(&mark.key).await?.is_some(),
            None => false,
        })
    }

    /// Marks a proof as used that may be used once, if it is one and nothing else will.
    pub(super) async fn spend(&self, proof: Proof) -> Result<(), Error<ClientDenial>> {
        if proof.once.is_none() {
            return Ok(());
        }
        let decision = Box::new(Nothing);
        // Boxed, since it is rare: the futures of all others need no room for it.
        Box::pin(self.run(&Proven { proof, decision })).await
    }
}

/// A decision together with the mark of a proof that may be used once.
pub(super) struct Proven<D: ?Sized> {
    pub(super) proof: Proof,
    pub(super) decision: Box<D>,
}

impl<D: Decide + ?Sized> Decide for Proven<D>
where
    D::Denial: From<ClientDenial>,
{
    type Answer = D::Answer;
    type Denial = D::Denial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        let mut keys = self.decision.needs(rules);
        // Last, so that the decision finds its own records where it expects them.
        keys.extend(self.proof.once.iter().map(|mark| mark.key.clone()));
        keys
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Decision<D::Answer, D::Denial>, Fault> {
        let Some(mark) = &self.proof.once else {
            return self.decision.decide(found, context);
        };
        if found.last().is_some() {
            return Ok(Decision::deny(ClientDenial::ReplayedProof.into()));
        }
        let Decision { commit, answer } = self.decision.decide(found, context)?;
        let commit = commit.unwrap_or_else(|| context.commit());
        Ok(Decision {
            commit: Some(commit.create(Record::clone(mark))),
            answer,
        })
    }
}

/// Decides nothing.
struct Nothing;

impl Decide for Nothing {
    type Answer = ();
    type Denial = ClientDenial;

    fn needs(&self, _: &Rules) -> Vec<Key> {
        Vec::new()
    }

    fn decide(
        &self,
        _: &Found<'_>,
        _: &mut Context<'_>,
    ) -> Result<Decision<(), ClientDenial>, Fault> {
        Ok(Decision {
            commit: None,
            answer: Ok(()),
        })
    }
}
