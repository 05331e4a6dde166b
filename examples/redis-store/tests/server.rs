//! Servers that would lose something are refused, before and after; and none is left with half of a commit, or with more than records.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use std::collections::HashMap;

use common::{PREFIX, change, key, raw, record, tell};
use oauth_core::{
    store::{
        Kind, Listing, Outcome, OwnedBy, Owner, Realm, Record, Role, Store as _, StoreErrorKind,
    },
    time::Timestamp,
};
use redis::aio::MultiplexedConnection;
use redis_store::{ConnectError, RedisStore};
use throwaway::Redis;

/// What `CONFIG SET` makes of a server, and what it was.
const LOSSY: [(&str, &str, &str); 6] = [
    ("appendonly", "no", "yes"),
    ("appendfsync", "everysec", "always"),
    ("appendfsync", "no", "always"),
    ("no-appendfsync-on-rewrite", "yes", "no"),
    ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ("maxmemory-policy", "volatile-ttl", "noeviction"),
];

async fn set(redis: &mut MultiplexedConnection, setting: &str, to: &str) {
    let () = tell(redis, &format!("CONFIG SET {setting} {to}"))
        .await
        .unwrap();
}

async fn keys(redis: &mut MultiplexedConnection) -> Vec<Vec<u8>> {
    tell(redis, "KEYS *").await.unwrap()
}

#[tokio::test]
async fn a_server_that_may_forget_is_refused_unless_that_is_asked_for() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let (url, mut redis) = (server.url(), raw(&server.url()).await);
    for (setting, wrong, right) in LOSSY {
        set(&mut redis, setting, wrong).await;
        let error = RedisStore::connect(&url, PREFIX).await.unwrap_err();
        let said = error.to_string();
        assert!(
            matches!(error, ConnectError::Lossy { setting: found, .. } if found == setting),
            "{error:?}"
        );
        assert!(said.contains(wrong) && said.contains(right), "{said}");
        RedisStore::dangerous_connect_to_a_server_that_may_forget(&url, PREFIX)
            .await
            .unwrap();
        set(&mut redis, setting, right).await;
        RedisStore::connect(&url, PREFIX).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_has_changed_is_found_out_when_it_is_connected_to_again() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let mut redis = raw(&server.url()).await;
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    set(&mut redis, "appendfsync", "everysec").await;
    let _: u32 = tell(&mut redis, "CLIENT KILL TYPE normal SKIPME yes")
        .await
        .unwrap();
    let error = store.load(&key("name")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    set(&mut redis, "appendfsync", "always").await;
    assert!(store.load(&key("name")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_replica_and_a_cluster_are_refused() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let mut redis = raw(&server.url()).await;
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let () = tell(&mut redis, "REPLICAOF 127.0.0.1 1").await.unwrap();
    // A primary that becomes a replica drops nobody: it just no longer writes.
    let commit = change().create(record("name", Role::Single));
    for _ in 0..2 {
        let error = store.commit(commit.clone()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    let error = store.load(&key("name")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    refused(&server, "role").await;
    let () = tell(&mut redis, "REPLICAOF NO ONE").await.unwrap();
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);

    let cluster = Redis::start_with(&["--cluster-enabled", "yes"]).unwrap();
    refused(&cluster, "cluster_enabled").await;
}

/// Also by who would accept a server that forgets.
async fn refused(server: &Redis, property: &str) {
    let url = server.url();
    for error in [
        RedisStore::connect(&url, PREFIX).await.unwrap_err(),
        RedisStore::dangerous_connect_to_a_server_that_may_forget(&url, PREFIX)
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(error, ConnectError::Unsuitable { property: found, .. } if found == property),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_connected_to_is_an_error_that_does_not_show_the_password() {
    for (url, expected) in [
        ("redis://user:hunter2@127.0.0.1:1/", "cannot connect"),
        ("redis://user:hunter2@127.0.0.1:port/", "not one"),
        ("hunter2", "not one"),
    ] {
        let error = RedisStore::connect(url, PREFIX).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(
            said.contains(expected) && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_layout_of_other_software_is_refused() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let () = tell(&mut raw(&server.url()).await, "SET oauth:layout 2")
        .await
        .unwrap();
    let error = RedisStore::connect(&server.url(), PREFIX)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::OtherLayout { .. }),
        "{error:?}"
    );
}

/// A script that is stopped in the middle has written half, so a user who may not do all of it is refused.
#[tokio::test]
async fn a_user_who_may_not_give_all_commands_is_refused() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let mut redis = raw(&server.url()).await;
    let url = server.url().replace("//", "//limited:secret@");
    let all = "+get +mget +smembers +zrangebylex +del +zrem +srem +mset +zadd +sadd +setnx";
    let user = "ACL SETUSER limited reset on >secret +@scripting +info +config|get +ping +hello";
    let () = tell(&mut redis, &format!("{user} ~oauth:* {all}"))
        .await
        .unwrap();
    let store = RedisStore::connect(&url, PREFIX).await.unwrap();
    let commit = change().create(record("name", Role::Single));
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
    for command in all.split(' ') {
        let () = tell(
            &mut redis,
            &format!("{user} ~oauth:* {}", all.replace(command, "+ping")),
        )
        .await
        .unwrap();
        let error = RedisStore::connect(&url, PREFIX).await.unwrap_err();
        let missing = command.trim_start_matches('+').to_uppercase();
        assert!(
            matches!(&error, ConnectError::Forbidden(commands) if *commands == [&*missing]),
            "{error:?}"
        );
    }
    let () = tell(&mut redis, &format!("{user} ~other:* {all}"))
        .await
        .unwrap();
    let error = RedisStore::connect(&url, PREFIX).await.unwrap_err();
    assert!(matches!(error, ConnectError::Forbidden(_)), "{error:?}");
}

/// Who has no memory left refuses what is new before it begins, and still revokes, reads and forgets.
#[tokio::test]
async fn a_full_memory_refuses_what_is_new_and_nothing_else() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let mut redis = raw(&server.url()).await;
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let member = Role::Member(key("anchor").family());
    let opening = change()
        .create(record("anchor", Role::Anchor))
        .create(record("token", member))
        .create(Record {
            forget_at: Timestamp::from_unix_millis(1),
            ..record("old", Role::Single)
        });
    assert_eq!(store.commit(opening).await.unwrap(), Outcome::Committed);
    set(&mut redis, "maxmemory", "1").await;
    // Also for who connects only now.
    let _: u32 = tell(&mut redis, "CLIENT KILL TYPE normal SKIPME yes")
        .await
        .unwrap();
    let before = keys(&mut redis).await.len();
    let joining = change()
        .create(record("another", member))
        .create(record("and one more", member));
    let error = store.commit(joining.clone()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert_eq!(keys(&mut redis).await.len(), before, "half of it is there");
    assert!(store.load(&key("token")).await.unwrap().is_some());
    assert!(store.list(&listing()).await.unwrap().items.is_empty());
    assert_eq!(
        store
            .prune(Timestamp::from_unix_millis(1), 9)
            .await
            .unwrap(),
        1
    );
    let ending = change().end(key("anchor").family(), Timestamp::MAX);
    assert_eq!(store.commit(ending).await.unwrap(), Outcome::Committed);
    assert!(store.load(&key("token")).await.unwrap().is_none());
    assert!(store.load(&key("anchor")).await.unwrap().unwrap().closed);
    set(&mut redis, "maxmemory", "0").await;
    assert_eq!(store.commit(joining).await.unwrap(), Outcome::Conflict);
}

fn listing() -> Listing {
    Listing {
        realm: Realm::default(),
        kind: Kind::GRANT,
        by: OwnedBy::Client("client".into()),
        after: None,
        limit: 10,
    }
}

/// What leads to a record goes with it, and nothing is left to Redis' own clock.
#[tokio::test]
async fn nothing_is_left_of_what_has_been_forgotten() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let mut redis = raw(&server.url()).await;
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let owner = Owner::Both {
        client: "client".into(),
        subject: "subject".into(),
    };
    for round in 0..30 {
        let name = |what: &str| format!("{what} {round}");
        let (family, owner) = (key(&name("anchor")).family(), Some(owner.clone()));
        let member = Record {
            owner: owner.clone(),
            ..record(&name("token"), Role::Member(family))
        };
        let opening = change()
            .create(Record {
                owner,
                ..record(&name("anchor"), Role::Anchor)
            })
            .create(member.clone())
            .create(record(&name("removed"), Role::Member(family)));
        let (opened, mut moving) = (opening.id, change());
        moving = moving.remove(key(&name("removed")), opened);
        if round % 2 == 0 {
            moving = moving.replace(
                Record {
                    role: Role::Single,
                    owner: None,
                    ..member
                },
                opened,
            );
        }
        for commit in [opening, moving] {
            assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
        }
        if round % 5 == 0 {
            // Closed, were it not removed.
            let removing = change()
                .remove(key(&name("anchor")), opened)
                .end(family, Timestamp::MAX);
            assert_eq!(store.commit(removing).await.unwrap(), Outcome::Committed);
            assert!(store.load(&key(&name("anchor"))).await.unwrap().is_none());
        } else if round % 3 == 0 {
            assert_eq!(
                store
                    .commit(change().end(family, Timestamp::MAX))
                    .await
                    .unwrap(),
                Outcome::Committed
            );
        }
    }
    let all = keys(&mut redis).await;
    assert!(all.len() > 50, "{}", all.len());
    for key in all {
        let left: i64 = redis::cmd("TTL")
            .arg(&key)
            .query_async(&mut redis)
            .await
            .unwrap();
        assert_eq!(left, -1, "{key:?} expires");
    }
    while store.prune(Timestamp::MAX, 7).await.unwrap() > 0 {}
    assert_eq!(keys(&mut redis).await, [b"oauth:layout"]);
}

/// Times that a floating-point number would take for the same.
#[tokio::test]
async fn times_beyond_2_to_53_are_told_apart() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let last = Timestamp::MAX.as_unix_millis();
    for first in [1 << 53, last - 1] {
        let mut commit = change();
        for millis in [first, first + 1] {
            commit = commit.create(Record {
                forget_at: Timestamp::from_unix_millis(millis),
                ..record(&millis.to_string(), Role::Single)
            });
        }
        assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
        for (millis, dropped) in [(first - 1, 0), (first, 1), (first + 1, 1)] {
            let before = Timestamp::from_unix_millis(millis);
            assert_eq!(store.prune(before, 9).await.unwrap(), dropped, "{millis}");
        }
    }
}

/// Of more members than Lua takes at once; the commits before it are as large as they get, too.
#[tokio::test]
async fn a_family_of_20_000_ends_in_one_commit() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let mut redis = raw(&server.url()).await;
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let family = key("anchor").family();
    let mut joining = change().create(record("anchor", Role::Anchor));
    for number in 0..20_000 {
        joining = joining.create(record(&number.to_string(), Role::Member(family)));
        if number % 10_000 == 9_999 {
            let full = std::mem::replace(&mut joining, change());
            assert_eq!(store.commit(full).await.unwrap(), Outcome::Committed);
        }
    }
    assert_eq!(keys(&mut redis).await.len(), 20_004);
    let mut ending = change()
        .end(family, Timestamp::MAX)
        .create(record("mark", Role::Single));
    ending.prune_before = Some(Timestamp::MAX);
    assert_eq!(store.commit(ending).await.unwrap(), Outcome::Committed);
    assert!(store.load(&key("anchor")).await.unwrap().unwrap().closed);
    // The anchor, the mark, the index of times, and the version of the layout.
    assert_eq!(keys(&mut redis).await.len(), 4);
}

/// A page takes one round trip, as do all other operations: Redis counts what it is asked.
#[tokio::test]
async fn each_operation_is_one_command() {
    let Some(server) = Redis::start() else {
        return throwaway::skip("Redis");
    };
    let mut redis = raw(&server.url()).await;
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let listing = listing();
    let mut asked = HashMap::new();
    for (what, expected) in [
        ("load", "get"),
        ("load_all", "mget"),
        ("commit", "evalsha"),
        ("list", "evalsha"),
        ("prune", "evalsha"),
    ] {
        let () = tell(&mut redis, "CONFIG RESETSTAT").await.unwrap();
        match what {
            "load" => _ = store.load(&key("a")).await.unwrap(),
            "load_all" => _ = store.load_all(&[key("a"), key("b")]).await.unwrap(),
            "commit" => {
                let mut commit = change()
                    .create(record("a", Role::Single))
                    .create(record("b", Role::Single));
                commit.prune_before = Some(Timestamp::from_unix_millis(1));
                assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
            }
            "list" => _ = store.list(&listing).await.unwrap(),
            _ => _ = store.prune(Timestamp::MAX, 1).await.unwrap(),
        }
        // Commands of scripts have no bytes of their own on the network, and those of this connection are known.
        let clients: String = tell(&mut redis, "INFO commandstats").await.unwrap();
        let mut calls: Vec<_> = clients
            .lines()
            .filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls=1,"))
            .map(|(command, _)| command)
            .filter(|command| ["get", "mget", "evalsha", "script|load", "eval"].contains(command))
            .collect();
        calls.retain(|command| expected != "evalsha" || *command == "evalsha");
        asked.insert(what, calls.join(" "));
        assert_eq!(asked[what], expected, "{what}: {clients}");
    }
}
