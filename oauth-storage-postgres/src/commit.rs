//! A commit as a list of statements, each of which fails if what it expects is not so.
//!
//! The statements lock the rows that they look at, shared by those who only look and exclusively by those who change, so what
//! was so stays so until the end of the transaction. READ COMMITTED is enough for that: a statement that has waited for a row
//! looks at the row as it then is, and the next statement sees all that was committed before it began.
//!
//! This matters for families. A commit that adds a member locks the anchor shared, or exclusively
//! if it also replaces the anchor. A commit that ends the family locks the anchor exclusively, and
//! removes the members in a *later* statement, which sees those that were added while it waited.
//!
//! What has to stay absent, and an anchor that is not there when its family ends, is reserved by a row that nobody else ever sees.
//!
//! Every transaction locks anchors first, and rows in the order of their digests, so that two rarely wait for each other;
//! if they do, the database notices and one is tried again.

use oauth_core::{
    store::{Commit, Digest, Expect, Family, Owner, Put, Record, Role, Version},
    time::Timestamp,
};

use crate::{
    flight::{Step, step},
    prune,
    schema::{Standing, millis},
};

/// Makes a statement fail, with a division by zero, unless its part in parentheses finds or changes a row.
macro_rules! expect {
    ($($found:tt)+) => {
        concat!(
            "WITH found AS (",
            $($found)+,
            ") SELECT 1 / count(*) FROM found"
        )
    };
}

pub(crate) const IS_AT_VERSION: &str =
    expect!("SELECT 1 FROM oauth_record WHERE digest = $1 AND version = $2 FOR SHARE");

pub(crate) const IS_OPEN: &str =
    expect!("SELECT 1 FROM oauth_record WHERE digest = $1 AND role = 1 FOR SHARE");

pub(crate) const INSERT: &str = "INSERT INTO oauth_record
    (version, role, family, client, subject, forget_at, body, digest, realm, kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Replaces a record. A closed anchor stays closed.
///
/// PostgreSQL compares the new values with the old ones. If no indexed column changes, as when a
/// grant is refreshed, and the page has room, it writes to no index.
macro_rules! replace_if {
    ($condition:literal) => {
        expect!(concat!(
            "UPDATE oauth_record
             SET version = $1, role = CASE WHEN role = 3 AND $2 = 1::smallint THEN 3::smallint ELSE $2 END,
                 family = $3, client = $4, subject = $5, forget_at = $6, body = $7
             WHERE digest = $8 AND version = $9 AND ",
            $condition,
            " RETURNING 1"
        ))
    };
}

pub(crate) const REPLACE: &str = replace_if!("true");

/// The same, for an anchor into whose family the commit also puts. This takes the exclusive lock
/// right away: two commits that first took a shared lock would deadlock when both upgraded it.
pub(crate) const REPLACE_OPEN: &str = replace_if!("role <> 3");

pub(crate) const REMOVE: &str =
    expect!("DELETE FROM oauth_record WHERE digest = $1 AND version = $2 RETURNING 1");

/// Takes the place of a record that must not be there, so that nobody else puts it until the transaction is over.
pub(crate) const RESERVE: &str =
    "INSERT INTO oauth_record (version, digest, realm, kind, role, forget_at, body)
    VALUES ($1, $2, '', '', 0, 0, '')";

/// Closes an anchor and sets its `forget_at` to the earlier of two times, or reserves its place if
/// it is absent. It is a single statement, so that nothing comes in between: afterwards this
/// transaction holds the row, whether the anchor was open, closed or absent.
pub(crate) const CLOSE: &str =
    "INSERT INTO oauth_record AS found (version, digest, realm, kind, role, forget_at, body)
    VALUES ($1, $2, '', '', 0, $3, '')
    ON CONFLICT (digest) DO UPDATE
    SET version = $1, role = 3, forget_at = least(found.forget_at, excluded.forget_at) WHERE found.role = 1";

pub(crate) const RELEASE: &str =
    "DELETE FROM oauth_record WHERE digest = $1 AND version = $2 AND role = 0";

/// Who puts a member holds its anchor, open, to the end of its transaction; while this one holds the anchor ([`CLOSE`]) there is
/// no such transaction, and the members of those before are seen by this later statement. So none is left, and none comes.
pub(crate) const REMOVE_MEMBERS: &str = "DELETE FROM oauth_record WHERE family = $1";

/// All statements that are prepared when a connection is made.
pub(crate) const ALL: [&str; 10] = [
    IS_AT_VERSION,
    IS_OPEN,
    INSERT,
    REPLACE,
    REPLACE_OPEN,
    REMOVE,
    RESERVE,
    RELEASE,
    CLOSE,
    REMOVE_MEMBERS,
];

/// What a commit does, statement by statement.
pub(crate) fn steps(commit: &Commit) -> Vec<Step<'_>> {
    let joined = joined(commit);
    let mut keys = Vec::new();
    for guard in &commit.guards {
        keys.push((guard.key.digest(), Change::Guard(guard.expect)));
    }
    for put in &commit.puts {
        let is_joined = joined.iter().any(|family| is_anchor_of(family, put));
        keys.push((put.record.key.digest(), Change::Put(put, is_joined)));
    }
    for removal in &commit.removals {
        keys.push((removal.key.digest(), Change::Remove(removal.version)));
    }
    for end in &commit.ends {
        keys.push((end.family.anchor(), Change::Close(end.forget_at)));
    }
    for family in &joined {
        // If the commit puts the anchor too, that statement checks that it is open.
        if !commit.puts.iter().any(|put| is_anchor_of(family, put)) {
            keys.push((family.anchor(), Change::Join));
        }
    }
    // Anchors first.
    keys.sort_by_key(|(digest, change)| (!change.is_of_anchor(digest, commit, &joined), *digest));

    let mut steps = Vec::with_capacity(keys.len() + commit.ends.len() + 1);
    for (digest, change) in keys {
        change.steps(digest, &commit.id, &mut steps);
    }
    for end in &commit.ends {
        let anchor = &end.family.anchor().as_bytes()[..];
        steps.push(step!(REMOVE_MEMBERS, anchor));
    }
    if let Some(before) = commit.prune_before
        && !commit.puts.is_empty()
    {
        steps.push(prune::step(
            before,
            commit.puts.len().saturating_mul(2).min(prune::MOST),
            needed(commit, &joined),
        ));
    }
    steps
}

fn is_anchor_of(family: &Family, put: &Put) -> bool {
    put.record.role == Role::Anchor && put.record.key.digest() == family.anchor()
}

/// What happens to the row of one key.
enum Change<'a> {
    Guard(Expect),
    /// The flag says whether it is the anchor of a family into which the commit also puts.
    Put(&'a Put, bool),
    Remove(Version),
    Close(Timestamp),
    Join,
}

impl<'a> Change<'a> {
    fn is_of_anchor(&self, digest: &Digest, commit: &Commit, joined: &[&Family]) -> bool {
        match self {
            Self::Close(_) | Self::Join => true,
            Self::Put(put, _) if put.record.role == Role::Anchor => true,
            Self::Guard(_) | Self::Put(..) | Self::Remove(_) => {
                let ended = commit.ends.iter().map(|end| &end.family);
                let mut families = joined.iter().copied().chain(ended);
                families.any(|family| family.anchor() == digest)
            }
        }
    }

    fn steps(self, digest: &'a Digest, id: &'a Version, steps: &mut Vec<Step<'a>>) {
        let digest = &digest.as_bytes()[..];
        let id = &id.as_bytes()[..];
        match self {
            Self::Guard(Expect::Version(version)) => {
                steps.push(step!(IS_AT_VERSION, digest, version.as_bytes().to_vec()));
            }
            Self::Guard(Expect::Absent) => {
                steps.push(step!(RESERVE, id, digest));
                steps.push(step!(RELEASE, digest, id));
            }
            Self::Put(put, is_joined) => steps.push(write(put, is_joined, digest, id)),
            Self::Remove(version) => {
                steps.push(step!(REMOVE, digest, version.as_bytes().to_vec()));
            }
            Self::Close(forget_at) => {
                steps.push(step!(CLOSE, id, digest, millis(forget_at)));
                steps.push(step!(RELEASE, digest, id));
            }
            Self::Join => steps.push(step!(IS_OPEN, digest)),
        }
    }
}

fn write<'a>(put: &'a Put, is_joined: bool, digest: &'a [u8], id: &'a [u8]) -> Step<'a> {
    let Record {
        key,
        role,
        owner,
        forget_at,
        body,
    } = &put.record;
    let (standing, family) = Standing::of(role);
    let client = owner.as_ref().and_then(Owner::client).map(str::as_bytes);
    let subject = owner.as_ref().and_then(Owner::subject).map(str::as_bytes);
    let (standing, forget_at) = (standing as i16, millis(*forget_at));
    match put.expect {
        Expect::Absent => step!(
            INSERT,
            id,
            standing,
            family,
            client,
            subject,
            forget_at,
            &body[..],
            digest,
            key.realm().as_str().as_bytes(),
            key.kind().as_str().as_bytes(),
        ),
        Expect::Version(version) => step!(
            if is_joined { REPLACE_OPEN } else { REPLACE },
            id,
            standing,
            family,
            client,
            subject,
            forget_at,
            &body[..],
            digest,
            version.as_bytes().to_vec(),
        ),
    }
}

/// The families into which a commit puts, each once.
fn joined(commit: &Commit) -> Vec<&Family> {
    let mut families: Vec<_> = commit
        .puts
        .iter()
        .filter_map(|put| match &put.record.role {
            Role::Member(family) => Some(family),
            Role::Single | Role::Anchor => None,
        })
        .collect();
    families.sort_unstable();
    families.dedup();
    families
}

/// What a commit's pruning must leave.
fn needed<'a>(commit: &'a Commit, joined: &[&'a Family]) -> Vec<&'a [u8]> {
    let guarded = commit.guards.iter().map(|guard| guard.key.digest());
    let put = commit.puts.iter().map(|put| put.record.key.digest());
    let joined = joined.iter().map(|family| family.anchor());
    guarded
        .chain(put)
        .chain(joined)
        .map(|digest| &digest.as_bytes()[..])
        .collect()
}

#[cfg(test)]
mod tests {
    use oauth_core::store::{Key, Kind, Realm};

    use super::*;

    fn record(kind: Kind, role: Role) -> Record {
        Record {
            key: Key::new(&Realm::default(), kind, &[b"name"]),
            role,
            owner: None,
            forget_at: Timestamp::MAX,
            body: Box::default(),
        }
    }

    #[test]
    fn an_anchor_is_locked_first_and_once() {
        let grant = record(Kind::GRANT, Role::Anchor);
        let token = record(Kind::ACCESS_TOKEN, Role::Member(grant.key.family()));
        let version = Version::from_bytes([1; 16]);
        let joining = Commit::new(version).create(token.clone());
        for (commit, expected) in [
            (joining.clone(), [IS_OPEN, INSERT]),
            (
                joining.clone().replace(grant.clone(), version),
                [REPLACE_OPEN, INSERT],
            ),
            (joining.create(grant.clone()), [INSERT, INSERT]),
            (
                Commit::new(version)
                    .replace(token, version)
                    .replace(grant, version),
                [REPLACE_OPEN, REPLACE],
            ),
        ] {
            let steps = steps(&commit);
            let statements: Vec<_> = steps.iter().map(|step| &*step.sql).collect();
            assert_eq!(statements, expected);
        }
    }
}
