//! A commit, turned into changes or refused. It only looks: whatever goes wrong here, nothing has happened.

use std::collections::HashSet;

use oauth_core::store::{Commit, Digest, End, Expect, Family, Key, Role};

use crate::table::{Change, Row, Standing, Table};

/// The changes that a commit makes, in their order; `None` if there is a conflict.
pub(crate) fn plan(table: &Table, commit: Commit) -> Option<Vec<Change>> {
    if !expectations(&commit).all(|(key, expect)| is_as_expected(table, key, expect))
        || !joined(&commit).all(|family| is_open(table, &commit, family))
    {
        return None;
    }
    let needed = needed(&commit);
    let allowance = 2 * commit.puts.len();

    let mut changes = Vec::new();
    for removal in &commit.removals {
        changes.push(Change::Remove(*removal.key.digest()));
    }
    for ended in &commit.ends {
        end(table, ended, &commit, &mut changes);
    }
    // After the ends, since what was a member of an ended family can be put somewhere else.
    for put in commit.puts {
        let digest = *put.record.key.digest();
        // "The anchor stays as the mark that nobody can add to this family again, also if it is replaced."
        let was_closed = standing(table, &digest) == Some(Standing::ClosedAnchor);
        let row = Row::new(put.record, commit.id, was_closed);
        changes.push(Change::Put(digest, row));
    }
    if let Some(before) = commit.prune_before {
        let gone: HashSet<_> = changes.iter().filter_map(removed).collect();
        let forgotten = table
            .forgettable(before)
            .filter(|digest| !needed.contains(digest) && !gone.contains(digest))
            .take(allowance)
            .map(Change::Remove);
        changes.extend(forgotten);
    }
    Some(changes)
}

/// "Every guard, put and removal states what it expects of the record as it stands before the commit."
fn expectations(commit: &Commit) -> impl Iterator<Item = (&Key, Expect)> {
    let guards = commit.guards.iter().map(|guard| (&guard.key, guard.expect));
    let puts = commit.puts.iter().map(|put| (&put.record.key, put.expect));
    let removals = commit
        .removals
        .iter()
        .map(|removal| (&removal.key, Expect::Version(removal.version)));
    guards.chain(puts).chain(removals)
}

fn is_as_expected(table: &Table, key: &Key, expect: Expect) -> bool {
    match (table.get(key.digest()), expect) {
        (None, Expect::Absent) => true,
        (Some(row), Expect::Version(version)) => row.version == *version.as_bytes(),
        (None, Expect::Version(_)) | (Some(_), Expect::Absent) => false,
    }
}

/// The families into which a commit puts.
fn joined(commit: &Commit) -> impl Iterator<Item = Family> {
    commit.puts.iter().filter_map(|put| match put.record.role {
        Role::Member(family) => Some(family),
        Role::Single | Role::Anchor => None,
    })
}

/// "Its anchor is there and not closed, or is not there and put by the same commit."
fn is_open(table: &Table, commit: &Commit, family: Family) -> bool {
    match standing(table, family.anchor()) {
        Some(Standing::Anchor) => true,
        Some(Standing::ClosedAnchor) => false,
        Some(Standing::Single | Standing::Member(_)) | None => commit.puts.iter().any(|put| {
            put.record.key.digest() == family.anchor() && put.record.role == Role::Anchor
        }),
    }
}

/// "Marks its anchor closed, as a change of its version, and removes all its members. Ending a family that is closed or was never
/// there succeeds and changes nothing. Members whose anchor has been forgotten are removed all the same. The anchor that it closes
/// may be forgotten from the earlier of the end's time and its own."
fn end(table: &Table, ended: &End, commit: &Commit, changes: &mut Vec<Change>) {
    let family = ended.family;
    if let Some(anchor) = table.get(family.anchor())
        && anchor.standing == Standing::Anchor
    {
        let closed = anchor.to_closed(commit.id, ended.forget_at);
        changes.push(Change::Put(*family.anchor(), closed));
    }
    changes.extend(table.members(family).map(Change::Remove));
}

/// "What it drops is not what it guards or puts, nor the anchor of a family into which it puts."
fn needed(commit: &Commit) -> HashSet<Digest> {
    let guarded = commit.guards.iter().map(|guard| *guard.key.digest());
    let put = commit.puts.iter().map(|put| *put.record.key.digest());
    let anchors = joined(commit).map(|family| *family.anchor());
    guarded.chain(put).chain(anchors).collect()
}

fn standing(table: &Table, digest: &Digest) -> Option<Standing> {
    table.get(digest).map(|row| row.standing)
}

fn removed(change: &Change) -> Option<Digest> {
    match change {
        Change::Remove(digest) => Some(*digest),
        Change::Put(..) => None,
    }
}
