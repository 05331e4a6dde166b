//! The scripts, and what they are handed.

use oauth_core::{
    store::{Commit, Expect, Listing},
    time::Timestamp,
};
use redis::{Script, ScriptInvocation};

use crate::value::{bound, encode, list_of, time};

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
/// The line `#!lua` has Redis refuse a script before it begins if it could not write: on a replica, with a disk that fails, and, unless
/// the flag `allow-oom` is given, with its memory full. Without that line Redis would find out in the middle.
pub(crate) struct Scripts {
    commit: Script,
    /// The same for a commit that puts nothing: a full memory must not keep a revocation out.
    release: Script,
    prune: Script,
    list: Script,
    pub(crate) allowed: Script,
}

/// A script with what it needs of others.
macro_rules! script {
    ($first:literal $(, $file:literal)+) => {
        Script::new(concat!($first, "\n" $(, include_str!($file))+))
    };
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            commit: script!("#!lua", "lua/records.lua", "lua/commit.lua"),
            release: script!("#!lua flags=allow-oom", "lua/records.lua", "lua/commit.lua"),
            prune: script!("#!lua flags=allow-oom", "lua/records.lua", "lua/prune.lua"),
            list: script!("#!lua flags=no-writes", "lua/list.lua"),
            allowed: script!("#!lua flags=no-writes", "lua/allowed.lua"),
        }
    }

    /// Those that a server is to have before it is asked for anything.
    pub(crate) fn hot(&self) -> [&Script; 4] {
        [&self.commit, &self.release, &self.prune, &self.list]
    }

    /// The call that applies a commit, and returns whether there was no conflict.
    pub(crate) fn commit(&self, prefix: &str, commit: &Commit) -> ScriptInvocation<'_> {
        let mut call = match &commit.puts[..] {
            [] => self.release.arg(prefix),
            _ => self.commit.arg(prefix),
        };
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
        for end in &commit.ends {
            call.arg(end.family.anchor().as_bytes());
            call.arg(&time(end.forget_at));
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
