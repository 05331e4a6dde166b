//! What may be used once, and the marks that it was.

use super::AuthorizationServer;
use crate::{
    client::{ClientDenial, OneTimeMark},
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault},
    store::{Commit, Key},
};

impl AuthorizationServer {
    /// Whether one of these marks is there already.
    pub(super) async fn is_used(&self, marks: &[OneTimeMark]) -> Result<bool, Fault> {
        let keys: Vec<_> = marks.iter().map(|mark| mark.key().clone()).collect();
        let found = self.load(&keys).await?;
        Ok(found.as_slice().iter().any(Option::is_some))
    }

    /// Writes marks, if there are any and nothing else will.
    pub(super) async fn spend(&self, marks: Vec<OneTimeMark>) -> Result<(), Error<ClientDenial>> {
        if marks.is_empty() {
            return Ok(());
        }
        let decision = Box::new(Nothing);
        // Boxed, since it is rare: the futures of all others need no room for it.
        Box::pin(self.run(&Marked { marks, decision })).await
    }
}

/// A decision together with the marks of what it uses.
pub(super) struct Marked<D: ?Sized> {
    pub(super) marks: Vec<OneTimeMark>,
    pub(super) decision: Box<D>,
}

impl<D: Decide + ?Sized> Decide for Marked<D>
where
    D::Denial: From<ClientDenial>,
{
    type Answer = D::Answer;
    type Denial = D::Denial;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        let keys = self.decision.needs(rules);
        if self.marks.is_empty() {
            return keys;
        }
        // First, since the decision may ask for more records after its own.
        let marks = self.marks.iter().map(|mark| mark.key().clone());
        marks.chain(keys).collect()
    }

    fn decide(
        &self,
        found: &Found<'_>,
        context: &mut Context<'_>,
    ) -> Result<Step<D::Answer, D::Denial>, Fault> {
        if (0..self.marks.len()).any(|mark| found.get(mark).is_some()) {
            return Ok(Decision::deny(ClientDenial::ReplayedProof.into()).into());
        }
        let own = found.after(self.marks.len());
        let mut step = self.decision.decide(&own, context)?;
        if let (Step::Decided(decision), false) = (&mut step, self.marks.is_empty()) {
            let commit = decision.commit.take().unwrap_or_else(|| context.commit());
            let marks = self.marks.iter().map(OneTimeMark::record);
            decision.commit = Some(marks.fold(commit, Commit::create));
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
        // A mark that this request has written is there under the id of its commit, and the server has looked for that.
        Ok(self.marks.is_empty() && self.decision.has_happened(found, answer, rules)?)
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
