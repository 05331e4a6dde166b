//! Encrypted connections: to the server that was meant, or none.
#![cfg(feature = "tls")]
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::{fs, process::Command};

use oauth_storage_postgres::{ConnectError, PostgresStore};
use tempfile::TempDir;
use throwaway::Postgres;

/// A key and a certificate for a name, signed by itself.
fn certificate(directory: &TempDir, name: &str) -> (String, String) {
    let path = |suffix: &str| {
        let path = directory.path().join(format!("{name}.{suffix}"));
        path.into_os_string().into_string().unwrap()
    };
    let (key, certificate) = (path("key"), path("pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (key, certificate)
}

#[tokio::test]
async fn a_connection_is_encrypted_to_the_server_that_was_meant_or_there_is_none() {
    let Some(mut server) = Postgres::start() else {
        return throwaway::skip("PostgreSQL");
    };
    let directory = tempfile::tempdir().unwrap();
    let (key, trusted) = certificate(&directory, "localhost");
    let (_, other) = certificate(&directory, "elsewhere.example");
    server.kill();
    server.give("server.key", &fs::read(key).unwrap());
    server.give("server.crt", &fs::read(&trusted).unwrap());
    server.set("ssl=on");
    // Whoever comes without is not let in, so what gets in is encrypted.
    server.give("pg_hba.conf", b"hostssl all all all trust\n");
    server.restart();

    let url = server.url().replace("127.0.0.1", "localhost");
    let by_name = format!("{url}?sslmode=require&sslrootcert={trusted}");
    let store = PostgresStore::connect(&by_name).await.unwrap();
    drop(store);
    let full = format!("{url}?sslmode=verify-full&sslrootcert={trusted}");
    PostgresStore::connect(&full).await.unwrap();

    for (what, refused) in [
        (
            "another certificate",
            format!("{url}?sslmode=require&sslrootcert={other}"),
        ),
        ("nobody vouches for it", format!("{url}?sslmode=require")),
        (
            "another name",
            format!("{}?sslmode=require&sslrootcert={trusted}", server.url()),
        ),
    ] {
        let error = PostgresStore::connect(&refused).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Unreachable(_)),
            "{what}: {error:?}"
        );
    }
    let missing = format!("{url}?sslmode=require&sslrootcert=/no/such/file.pem");
    let error = PostgresStore::connect(&missing).await.unwrap_err();
    assert!(matches!(error, ConnectError::Certificates(_)), "{error:?}");
}

/// A server without TLS is not spoken to in the open by one who asked for it.
#[tokio::test]
async fn what_asks_for_encryption_does_not_do_without() {
    let Some(server) = Postgres::start() else {
        return throwaway::skip("PostgreSQL");
    };
    let directory = tempfile::tempdir().unwrap();
    let (_, trusted) = certificate(&directory, "localhost");
    let url = server.url().replace("127.0.0.1", "localhost");
    let error = PostgresStore::connect(&format!("{url}?sslmode=require&sslrootcert={trusted}"))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
}
