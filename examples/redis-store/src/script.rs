//! The scripts, and what they are handed.

use oauth_core::{
    store::{Commit, Expect, Listing},
    time::Timestamp,
};
use redis::{Script, ScriptInvocation};

use crate::value::{bound, encode, list_of};

/// The commands of the scripts. A user who may not give one of them would see a script stop in the middle.
pub(crate) const COMMANDS: [&str; 11] = [
    "GET",
    "MGET",
    "SMEMBERS",
    "ZRANGEBYLEX",
    "DEL",
    "ZREM",
    "SREM",
    "MSET",
    "ZADD",
    "SADD",
    "SETNX",
];

/// All scripts of the store.
///
/// "#!lua" without a flag has Redis refuse a script before its first line when it could not write to the last: out of memory, a
/// replica, a disk that fails. Without that line, Redis would find out in the middle.
pub(crate) struct Scripts {
    pub(crate) commit: Script,
    pub(crate) prune: Script,
    pub(crate) list: Script,
    pub(crate) allowed: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        const COMMIT: &str = concat!(
            "#!lua\n",
            include_str!("lua/records.lua"),
            include_str!("lua/commit.lua")
        );
        const PRUNE: &str = concat!(
            "#!lua\n",
            include_str!("lua/records.lua"),
            include_str!("lua/prune.lua")
        );
        const LIST: &str = concat!("#!lua flags=no-writes\n", include_str!("lua/list.lua"));
        const ALLOWED: &str = concat!("#!lua flags=no-writes\n", include_str!("lua/allowed.lua"));
        Self {
            commit: Script::new(COMMIT),
            prune: Script::new(PRUNE),
            list: Script::new(LIST),
            allowed: Script::new(ALLOWED),
        }
    }

    /// The call that applies a commit, and returns whether there was no conflict.
    pub(crate) fn commit(&self, prefix: &str, commit: &Commit) -> ScriptInvocation<'_> {
        let mut call = self.commit.arg(prefix);
        call.arg(commit.id.as_bytes());
        let before = commit.prune_before.map(bound);
        call.arg(before.as_ref().map_or(&[][..], |bound| bound));
        call.arg(commit.guards.len());
        for guard in &commit.guards {
            call.arg(guard.key.digest().as_bytes());
            call.arg(expected(&guard.expect));
        }
        call.arg(commit.puts.len());
        for put in &commit.puts {
            call.arg(put.record.key.digest().as_bytes());
            call.arg(expected(&put.expect));
            call.arg(encode(&put.record, commit.id));
        }
        call.arg(commit.removals.len());
        for removal in &commit.removals {
            call.arg(removal.key.digest().as_bytes());
            call.arg(removal.version.as_bytes());
        }
        call.arg(commit.ends.len());
        for family in &commit.ends {
            call.arg(family.anchor().as_bytes());
        }
        call
    }

    /// The call that drops what may be forgotten, and returns how many that were.
    pub(crate) fn prune(
        &self,
        prefix: &str,
        before: Timestamp,
        limit: usize,
    ) -> ScriptInvocation<'_> {
        let mut call = self.prune.arg(prefix);
        call.arg(&bound(before)).arg(limit);
        call
    }

    /// The call that returns a page of a list and one record more, each as its digest and its value.
    pub(crate) fn list(&self, prefix: &str, listing: &Listing) -> ScriptInvocation<'_> {
        let after = match &listing.after {
            Some(after) => [b"(", &after.as_bytes()[..]].concat(),
            None => b"-".to_vec(),
        };
        let limit = i64::try_from(listing.limit.max(1)).unwrap_or(i64::MAX);
        let mut call = self.list.arg(prefix);
        call.arg(list_of(listing)).arg(after);
        call.arg(limit.saturating_add(1));
        call
    }
}

fn expected(expect: &Expect) -> &[u8] {
    match expect {
        Expect::Absent => &[],
        Expect::Version(version) => version.as_bytes(),
    }
}
