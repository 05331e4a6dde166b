//! Proofs that may be used once, by which a client can authenticate.

use super::AuthorizationServer;
use crate::{
    client::{ClientDenial, Proof},
    decide::{Context, Decide, Decision, Found, Rules, Step},
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
        // First, since the decision may ask for more records after its own.
        let mark = self.proof.once.iter().map(|mark| mark.key.clone());
        mark.chain(self.decision.needs(rules)).collect()
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<D::Answer, D::Denial>, Fault> {
        let Some(mark) = &self.proof.once else {
            return self.decision.decide(found, context);
        };
        if found.get(0).is_some() {
            return Ok(Decision::deny(ClientDenial::ReplayedProof.into()).into());
        }
        let mut step = self.decision.decide(&found.after(1), context)?;
        if let Step::Decided(decision) = &mut step {
            let commit = decision.commit.take().unwrap_or_else(|| context.commit());
            decision.commit = Some(commit.create(Record::clone(mark)));
        }
        Ok(step)
    }

    fn attach(&self, answer: &mut D::Answer, signed: Vec<Vec<u8>>) -> Result<(), Fault> {
        self.decision.attach(answer, signed)
    }

    fn has_happened(
        &self,
        found: &Found<'_>,
        answer: &D::Answer,
        rules: &Rules,
    ) -> Result<bool, Fault> {
        let marks = usize::from(self.proof.once.is_some());
        self.decision
            .has_happened(&found.after(marks), answer, rules)
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

    fn decide(&self, _: &Found<'_>, _: &mut Context<'_>) -> Result<Step<(), ClientDenial>, Fault> {
        Ok(Decision::answer(()).into())
    }
}
