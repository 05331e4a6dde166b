//! Random commits, against the model.

use oauth_core::store::{
    Commit, Expect, Family, Key, Kind, Listing, OwnedBy, Owner, Put, Record, Role, Store as _,
    Version,
};

use crate::{
    Harness, ModelStore,
    bench::{Bench, answered, at, change, digests, key, owner, realm, version},
};

const ANCHORS: usize = 4;
const KEYS: usize = 20;
const NAMES: [&str; 3] = ["one", "two", "three"];

/// Whatever commits come, the store answers as the model does, and has the same records afterwards.
///
/// They prune by [`Store::prune`](oauth_core::store::Store::prune) only: which of the forgettable records a commit drops is the
/// store's choice.
pub async fn random_commits_agree_with_the_model(harness: &dyn Harness) {
    for seed in 1..=3 {
        let bench = Bench::new(harness).await;
        let mut run = Run {
            model: ModelStore::default(),
            keys: (0..KEYS).map(|_| key(Kind::GRANT)).collect(),
            past: version(),
            random: Random(seed),
        };
        for step in 0..250 {
            run.step(&bench, &format!("step {step} of the run with seed {seed}"))
                .await;
        }
    }
}

struct Run {
    model: ModelStore,
    /// The first few are those of anchors, and only of anchors.
    keys: Vec<Key>,
    /// A version that some record may have had.
    past: Version,
    random: Random,
}

impl Run {
    async fn step(&mut self, bench: &Bench, when: &str) {
        let commit = self.commit().await;
        let expected = answered(self.model.commit(commit.clone()).await);
        let outcome = bench.commit(commit.clone()).await;
        require!(
            "a store does what the model does",
            outcome == expected,
            "at {when}, {outcome:?} instead of {expected:?} was the answer to {commit:?}"
        );
        if self.random.below(12) == 0 {
            let (before, limit) = (at(self.random.below(30)), usize::MAX);
            let expected = answered(self.model.prune(before, limit).await);
            let dropped = bench.prune(before, limit).await;
            require!(
                "a store does what the model does",
                dropped == expected,
                "at {when}, prune({before}) dropped {dropped} instead of {expected}"
            );
        }
        for key in &self.keys {
            let expected = answered(self.model.load(key).await);
            let loaded = bench.load(key).await;
            require!(
                "a store has what the model has",
                loaded == expected,
                "at {when}, after {commit:?}, {loaded:?} was loaded instead of {expected:?}"
            );
        }
        self.compare_listings(bench, when).await;
    }

    async fn compare_listings(&mut self, bench: &Bench, when: &str) {
        let name = NAMES[self.random.index(NAMES.len())];
        for by in [OwnedBy::Client(name.into()), OwnedBy::Subject(name.into())] {
            let limit = 1 + self.random.index(4);
            let listed = bench.walk(&realm(), Kind::GRANT, by.clone(), limit).await;
            let all = Listing {
                realm: realm(),
                kind: Kind::GRANT,
                by,
                after: None,
                limit: KEYS,
            };
            let expected = answered(self.model.list(&all).await).items;
            require!(
                "a store lists what the model lists",
                listed == expected,
                "at {when}, {:?} were listed instead of {:?}",
                digests(&listed),
                digests(&expected)
            );
        }
    }

    /// A commit that keeps to the rules of [`Commit`], and may be a conflict.
    async fn commit(&mut self) -> Commit {
        let mut commit = change();
        let ended: Vec<_> = (0..ANCHORS).filter(|_| self.random.below(8) == 0).collect();
        for index in 0..KEYS {
            if self.random.below(6) != 0 || ended.contains(&index) {
                continue;
            }
            let key = self.keys[index].clone();
            let expect = self.expectation(&key).await;
            match (self.random.below(6), expect) {
                (0, Expect::Version(version)) if index >= ANCHORS => {
                    commit = commit.remove(key, version);
                }
                (0 | 1, expect) => commit = commit.guard(key, expect),
                (_, expect) => {
                    let record = self.record(key, index, &ended);
                    commit.puts.push(Put { record, expect });
                }
            }
        }
        for index in ended {
            commit = commit.end(self.keys[index].family(), at(self.random.below(100)));
        }
        commit
    }

    /// Mostly what is so.
    async fn expectation(&mut self, key: &Key) -> Expect {
        let current = answered(self.model.load(key).await).map(|stored| stored.version);
        let truth = current.map_or(Expect::Absent, Expect::Version);
        match self.random.below(24) {
            0 => Expect::Absent,
            1 => Expect::Version(self.past),
            _ => {
                self.past = current.unwrap_or(self.past);
                truth
            }
        }
    }

    fn record(&mut self, key: Key, index: usize, ended: &[usize]) -> Record {
        let role = if index < ANCHORS {
            Role::Anchor
        } else {
            match self.random.index(ANCHORS + 2) {
                family if family < ANCHORS && !ended.contains(&family) => {
                    Role::Member(self.family(family))
                }
                _ => Role::Single,
            }
        };
        Record {
            key,
            role,
            owner: self.owner(),
            forget_at: at(self.random.below(100)),
            body: Box::from(self.random.next().to_be_bytes()),
        }
    }

    fn family(&self, index: usize) -> Family {
        self.keys[index].family()
    }

    fn owner(&mut self) -> Option<Owner> {
        let [client, subject] = [0; 2].map(|_| NAMES[self.random.index(NAMES.len())]);
        match self.random.below(5) {
            0 => None,
            1 => Some(Owner::Client(client.into())),
            2 => Some(Owner::Subject(subject.into())),
            _ => Some(owner(client, subject)),
        }
    }
}

/// Marsaglia's xorshift: the same commits for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    pub(crate) fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }
}
