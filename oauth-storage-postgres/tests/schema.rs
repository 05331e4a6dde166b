//! The schema: brought up to date by whoever comes first, and left alone by software that does not know it.

mod common;

use common::{Schema, raw};
use oauth_core::{
    store::{Commit, Key, Kind, Outcome, Realm, Record, Role, Store as _, Version},
    time::Timestamp,
};
use oauth_storage_postgres::{ConnectError, PostgresStore};
use throwaway::Lease;
use tokio::task::JoinSet;

/// The table of migrations, as the first statement of a migration leaves it.
const JOURNAL: &str =
    "CREATE TABLE oauth_migration (version integer PRIMARY KEY, checksum bytea NOT NULL)";

#[tokio::test(flavor = "multi_thread")]
async fn many_that_start_at_once_make_one_schema() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    // Some of them after one that has made the table of migrations and not come further, or never will; and whatever isolation
    // the database gives to those who do not ask.
    for (interrupted, isolation) in [
        (false, "read%5C%20committed"),
        (true, "read%5C%20committed"),
        (false, "repeatable%5C%20read"),
        (true, "repeatable%5C%20read"),
        (false, "serializable"),
        (true, "serializable"),
    ] {
        let schema = Schema::new(server.url()).await;
        if interrupted {
            raw(&schema.url).await.batch_execute(JOURNAL).await.unwrap();
        }
        let mut starting = JoinSet::new();
        for _ in 0..16 {
            let setting = format!("%20-c%20default_transaction_isolation%3D{isolation}");
            let url = schema.url.clone() + &setting;
            starting.spawn(async move { PostgresStore::connect(&url).await.map(drop) });
        }
        for started in starting.join_all().await {
            started.unwrap();
        }
        let client = raw(&schema.url).await;
        let rows = client
            .query("SELECT version FROM oauth_migration WHERE version > 0", &[])
            .await
            .unwrap();
        assert_eq!(rows.len(), 1);
    }
}

#[tokio::test]
async fn a_schema_of_newer_or_other_software_is_refused() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    let schema = Schema::new(server.url()).await;
    PostgresStore::connect(&schema.url).await.unwrap();
    let client = raw(&schema.url).await;
    client
        .batch_execute("INSERT INTO oauth_migration (version, checksum) VALUES (2, '')")
        .await
        .unwrap();
    let error = PostgresStore::connect(&schema.url).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::TooNew { found: 2, known: 1 }),
        "{error:?}"
    );
    client
        .batch_execute(
            "DELETE FROM oauth_migration WHERE version = 2;
             UPDATE oauth_migration SET checksum = 'other' WHERE version = 1",
        )
        .await
        .unwrap();
    let error = PostgresStore::connect(&schema.url).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::Changed { version: 1 }),
        "{error:?}"
    );
}

/// A role that may do what a request needs, and nothing else, is enough once the schema is there.
#[tokio::test]
async fn a_role_that_may_not_create_tables_can_use_them() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    let schema = Schema::new(server.url()).await;
    PostgresStore::connect(&schema.url).await.unwrap();
    let role = format!("role_of_{}", schema.name);
    let client = raw(&schema.url).await;
    client
        .batch_execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {} TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_record TO {role}; GRANT SELECT ON oauth_migration TO {role}",
            schema.name
        ))
        .await
        .unwrap();
    // However this server lets people in.
    let limited = PostgresStore::connect(&format!("{}%20-c%20role%3D{role}", schema.url)).await;
    client
        .batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
    limited.unwrap();
}

/// `wal_writer_delay` is long, so that what is not flushed by its own commit would be lost.
#[tokio::test]
async fn what_was_acknowledged_is_on_the_disk_whatever_the_database_is_set_to() {
    let settings = ["synchronous_commit=off", "wal_writer_delay=10s"];
    let Some(mut server) = throwaway::Postgres::start_with(&settings) else {
        return throwaway::skip("PostgreSQL");
    };
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    let key = Key::new(&Realm::default(), Kind::CODE, &[b"code"]);
    let creation = Commit::new(Version::from_bytes([7; 16])).create(Record {
        key: key.clone(),
        role: Role::Single,
        owner: None,
        forget_at: Timestamp::MAX,
        body: Box::from(*b"body"),
    });
    assert_eq!(store.commit(creation).await.unwrap(), Outcome::Committed);
    server.kill();
    server.restart();
    assert!(store.load(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_an_error_in_time() {
    let error = PostgresStore::connect("postgres://u:hunter2@127.0.0.1:1/d")
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "{error:?}"
    );
}
