//! What the database does for each statement on the way of a request: never does it read a whole table.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use throwaway::Lease;
use tokio_postgres::{Client, NoTls};

use crate::{
    commit, list,
    migrate::migrate,
    prune,
    store::{LOAD, LOAD_ALL},
};

/// Enough for a scan of the table to be a bad plan, and for statistics to be right about that.
const FILL: &str = "INSERT INTO oauth_record (digest, version, realm, kind, role, family, client, subject, forget_at, body)
    SELECT sha256(n::text::bytea), '\\x00', 'realm', 'grant', n % 4, CASE WHEN n % 4 = 2 THEN sha256((n / 100)::text::bytea) END,
        ('client' || n % 50)::bytea, ('subject' || n)::bytea, n, '\\x00'
    FROM generate_series(1, 50000) AS n; ANALYZE oauth_record";

#[tokio::test]
async fn no_statement_reads_the_whole_table() {
    let Some(server) = Lease::postgres() else {
        return throwaway::skip("PostgreSQL");
    };
    let (mut client, connection) = tokio_postgres::connect(server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    // Tables that are gone with the connection.
    let temporary = "SET search_path = pg_temp";
    client.batch_execute(temporary).await.unwrap();
    migrate(&mut client).await.unwrap();
    client.batch_execute(FILL).await.unwrap();
    let digest = "'\\x00'";
    let replacement = vec![
        digest,
        "1::smallint",
        "NULL",
        "NULL",
        "NULL",
        "1",
        digest,
        digest,
        digest,
    ];
    let (pair, step) = (prune::sql(2), prune::sql(prune::STEP));
    for (sql, parameters, indexes) in [
        (LOAD, vec![digest], &["oauth_record_pkey"][..]),
        (LOAD_ALL, vec!["'{\"\\\\x00\"}'"], &["oauth_record_pkey"]),
        (
            commit::IS_AT_VERSION,
            vec![digest; 2],
            &["oauth_record_pkey"],
        ),
        (commit::IS_OPEN, vec![digest], &["oauth_record_pkey"]),
        (commit::REMOVE, vec![digest; 2], &["oauth_record_pkey"]),
        (commit::RELEASE, vec![digest; 2], &["oauth_record_pkey"]),
        (
            commit::CLOSE,
            vec![digest, digest, "1"],
            &["oauth_record_pkey"],
        ),
        (commit::REPLACE, replacement.clone(), &["oauth_record_pkey"]),
        (commit::REPLACE_OPEN, replacement, &["oauth_record_pkey"]),
        (
            commit::REMOVE_MEMBERS,
            vec![digest],
            &["oauth_record_of_family"],
        ),
        (
            list::BY_CLIENT,
            vec!["'realm'", "'grant'", "'client7'", digest, "21"],
            &["oauth_record_of_client"],
        ),
        (
            list::BY_SUBJECT,
            vec!["'realm'", "'grant'", "'subject7'", digest, "21"],
            &["oauth_record_of_subject"],
        ),
        (
            &pair,
            vec!["60000", "'{\"\\\\x00\"}'"],
            &["oauth_record_to_forget", "oauth_record_pkey"],
        ),
        (
            &step,
            vec!["60000", "'{}'"],
            &["oauth_record_to_forget", "oauth_record_pkey"],
        ),
    ] {
        // The plan for any parameters, which is what a statement that is used often ends up with, and one for these.
        for mode in ["force_generic_plan", "force_custom_plan"] {
            let plan = plan(&client, sql, &parameters, mode).await;
            assert!(!plan.contains("Seq Scan"), "{mode}: {sql}\n{plan}");
            for index in indexes {
                assert!(
                    plan.contains(index),
                    "{mode}: {sql} without {index}\n{plan}"
                );
            }
        }
    }
}

async fn plan(client: &Client, sql: &str, parameters: &[&str], mode: &str) -> String {
    let values = parameters.join(", ");
    let all = format!(
        "DEALLOCATE ALL; SET plan_cache_mode = {mode}; PREPARE statement AS {sql}; EXPLAIN EXECUTE statement({values})"
    );
    let answer = client.simple_query(&all).await.unwrap();
    let lines = answer.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}
