//! One-time marks: checking them and writing them.

use super::AuthorizationServer;
use crate::{
    client::{ClientDenial, OneTimeMark},
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::{Error, Fault},
    store::{Commit, Key},
};

impl AuthorizationServer {
    /// Whether one of these marks exists already.
    pub(super) async fn is_used(&self, marks: &[OneTimeMark]) -> Result<bool, Fault> {
        let keys: Vec<_> = marks.iter().map(|mark| mark.key().clone()).collect();
        let found = self.load(&keys).await?;
        Ok(found.as_slice().iter().any(Option::is_some))
    }

    /// Writes marks on their own, if there are any.
    pub(super) async fn spend(&self, marks: Vec<OneTimeMark>) -> Result<(), Error<ClientDenial>> {
        if marks.is_empty() {
            return Ok(());
        }
        let decision = Box::new(Nothing);
        // Boxed, since it is rare: otherwise it would enlarge the future of every request.
        Box::pin(self.run(&Marked { marks, decision })).await
    }
}

/// A decision, with the one-time marks to write along with it.
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
        // Marks come first, since the decision may append more records to its own.
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
        // If there are marks, the server has already looked for one of them under the id of the
        // commit.
        Ok(self.marks.is_empty() && self.decision.has_happened(found, answer, rules)?)
    }
}

/// A decision that changes nothing.
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
