//! Where records are kept: how to fill a place in bulk, and how much is there.

use std::{
    fs,
    path::{Path, PathBuf},
    pin::pin,
    process::Command,
    sync::Arc,
};

use oauth_core::store::{Commit, Outcome, Owner, Record, Role, Store};
use oauth_storage_memory::MemoryStore;
use oauth_storage_postgres::PostgresStore;
use oauth_storage_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, binary_copy::BinaryCopyInWriter, types::Type};

use super::{Name, sample::Row};
use crate::Error;

/// How many rows go into one transaction.
const BATCH: usize = 100_000;

/// Where one store can have many places; they go away with it.
pub(super) struct Places {
    name: Name,
    directory: TempDir,
    server: Option<(String, Client)>,
    created: std::cell::RefCell<Vec<String>>,
}

impl Places {
    pub(super) async fn new(name: Name, postgres: Option<&str>) -> Result<Self, Error> {
        let server = match (name, postgres) {
            (Name::Postgres, Some(url)) => Some((url.to_owned(), connect(url).await?)),
            _ => None,
        };
        Ok(Self {
            name,
            directory: tempfile::tempdir()?,
            server,
            created: std::cell::RefCell::default(),
        })
    }

    /// Makes an empty place, and says where it is.
    pub(super) async fn create(&self, what: &str) -> Result<String, Error> {
        Ok(match (self.name, &self.server) {
            (Name::Sqlite, _) => {
                let path = self.directory.path().join(format!("{what}.db"));
                format!("sqlite:{}", path.display())
            }
            (Name::Postgres, Some((url, client))) => {
                let database = format!("growth_{}_{what}", std::process::id());
                let create = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
                client.batch_execute(&create).await?;
                let create = format!("CREATE DATABASE {database}");
                client.batch_execute(&create).await?;
                self.created.borrow_mut().push(database.clone());
                let mut url = url::Url::parse(url)?;
                url.set_path(&database);
                url.into()
            }
            _ => "memory".to_owned(),
        })
    }

    pub(super) async fn open(&self, what: &str) -> Result<Place, Error> {
        Place::open(&self.create(what).await?).await
    }

    /// Whether there is room for so many tokens, with as much again to spare.
    pub(super) async fn fits(&self, tokens: u64) -> Result<Result<(), String>, Error> {
        let (of, each, available) = match (self.name, &self.server) {
            (Name::Memory, _) => ("memory", 450, available_memory()?),
            (_, Some((_, client))) => {
                let row = client.query_one("SHOW data_directory", &[]).await?;
                ("disk", 1_500, available_disk(&row.get::<_, String>(0)))
            }
            _ => {
                let path = self.directory.path().display().to_string();
                ("disk", 1_200, available_disk(&path))
            }
        };
        // A disk that cannot be seen from here is somebody else's to watch.
        let Some(available) = available else {
            return Ok(Ok(()));
        };
        let needed = 2 * each * tokens;
        Ok(if needed <= available {
            Ok(())
        } else {
            let megabytes = |bytes| bytes / 1_000_000;
            Err(format!(
                "it wants {} MB of {of}, and there are {}",
                megabytes(needed),
                megabytes(available)
            ))
        })
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if let Some((url, _)) = self.server.take() {
            let databases = self.created.take();
            // On a thread of its own, as this one is busy with the runtime.
            let dropping = std::thread::spawn(move || -> Result<(), Error> {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(async {
                    let client = connect(&url).await?;
                    for database in databases {
                        let drop = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
                        client.batch_execute(&drop).await?;
                    }
                    Ok(())
                })
            });
            if !matches!(dropping.join(), Ok(Ok(()))) {
                eprintln!("databases named growth_… were left behind");
            }
        }
    }
}

/// A store, and a way around it.
pub(super) enum Place {
    Memory(MemoryStore),
    Sqlite(PathBuf, Arc<SqliteStore>),
    Postgres(String, Arc<PostgresStore>),
}

impl Place {
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        Ok(if let Some(path) = url.strip_prefix("sqlite:") {
            Self::Sqlite(path.into(), Arc::new(SqliteStore::open(path)?))
        } else if url.starts_with("postgres") {
            let store = PostgresStore::connect(url).await?;
            Self::Postgres(url.to_owned(), Arc::new(store))
        } else {
            Self::Memory(MemoryStore::default())
        })
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Sqlite(_, store) => Arc::clone(store) as _,
            Self::Postgres(_, store) => Arc::clone(store) as _,
        }
    }

    /// Puts rows into it, not through the server. An anchor comes before its members.
    pub(super) async fn fill(
        &self,
        rows: impl Iterator<Item = Result<Row, Error>>,
    ) -> Result<(), Error> {
        match self {
            Self::Memory(store) => {
                for row in rows {
                    let (version, record) = row?;
                    let commit = Commit::new(version).create(record);
                    if store.commit(commit).await? == Outcome::Conflict {
                        return Err("a row is there twice".into());
                    }
                }
                Ok(())
            }
            Self::Sqlite(path, _) => fill_sqlite(&Connection::open(path)?, rows),
            Self::Postgres(url, _) => fill_postgres(&connect(url).await?, rows).await,
        }
    }

    /// How many bytes it takes: of memory as the store counts it, of pages, or of table and indexes.
    pub(super) async fn bytes(&self) -> Result<u64, Error> {
        Ok(match self {
            Self::Memory(store) => store.bytes()? as u64,
            Self::Sqlite(path, _) => {
                let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
                number(path, sql)?
            }
            Self::Postgres(url, _) => {
                let sql = "SELECT pg_total_relation_size('oauth_record')";
                let row = connect(url).await?.query_one(sql, &[]).await?;
                u64::try_from(row.get::<_, i64>(0))?
            }
        })
    }

    /// How many rows there are.
    pub(super) async fn rows(&self) -> Result<u64, Error> {
        Ok(match self {
            Self::Memory(store) => store.len()? as u64,
            Self::Sqlite(path, _) => number(path, "SELECT count(*) FROM record")?,
            Self::Postgres(url, _) => {
                let sql = "SELECT count(*) FROM oauth_record";
                let row = connect(url).await?.query_one(sql, &[]).await?;
                u64::try_from(row.get::<_, i64>(0))?
            }
        })
    }

    /// Does what autovacuum would, if time were not simulated.
    pub(super) async fn vacuum(&self) -> Result<(), Error> {
        if let Self::Postgres(url, _) = self {
            let client = connect(url).await?;
            client.batch_execute("VACUUM ANALYZE oauth_record").await?;
        }
        Ok(())
    }
}

/// How a record stands to a family, as both databases have it.
fn role(record: &Record) -> (i16, Option<&[u8]>) {
    match &record.role {
        Role::Single => (0, None),
        Role::Anchor => (1, None),
        Role::Member(family) => (2, Some(family.anchor().as_bytes())),
    }
}

fn number(path: &Path, sql: &str) -> Result<u64, Error> {
    let number: i64 = Connection::open(path)?.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(number)?)
}

fn fill_sqlite(
    connection: &Connection,
    rows: impl Iterator<Item = Result<Row, Error>>,
) -> Result<(), Error> {
    connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA cache_size=-2000000; BEGIN")?;
    let mut insert = connection.prepare(
        "INSERT INTO record (digest, version, realm, kind, role, family, client, subject, forget_at, body) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (index, row) in rows.enumerate() {
        let (version, record) = row?;
        let (role, family) = role(&record);
        let owner = record.owner.as_ref();
        insert.execute(rusqlite::params![
            record.key.digest().as_bytes(),
            version.as_bytes(),
            record.key.realm().as_str(),
            record.key.kind().as_str(),
            role,
            family,
            owner.and_then(Owner::client),
            owner.and_then(Owner::subject),
            i64::try_from(record.forget_at.as_unix_millis())?,
            &*record.body,
        ])?;
        if index % BATCH == BATCH - 1 {
            connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(PASSIVE); BEGIN")?;
        }
    }
    drop(insert);
    connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

async fn fill_postgres(
    client: &Client,
    rows: impl Iterator<Item = Result<Row, Error>>,
) -> Result<(), Error> {
    let copy = "COPY oauth_record (digest, version, realm, kind, role, family, client, subject, forget_at, body) \
                FROM STDIN (FORMAT binary)";
    let mut types = [Type::BYTEA; 10];
    types[4] = Type::INT2;
    types[8] = Type::INT8;
    let sink = client.copy_in(copy).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for row in rows {
        let (version, record) = row?;
        let (role, family) = role(&record);
        let owner = record.owner.as_ref();
        let client = owner.and_then(Owner::client).map(str::as_bytes);
        let subject = owner.and_then(Owner::subject).map(str::as_bytes);
        writer
            .as_mut()
            .write(&[
                &record.key.digest().as_bytes().as_slice(),
                &version.as_bytes().as_slice(),
                &record.key.realm().as_str().as_bytes(),
                &record.key.kind().as_str().as_bytes(),
                &role,
                &family,
                &client,
                &subject,
                &i64::try_from(record.forget_at.as_unix_millis())?,
                &&*record.body,
            ])
            .await?;
    }
    writer.finish().await?;
    client.batch_execute("VACUUM ANALYZE oauth_record").await?;
    // What the server would write in its own time; only an administrator may ask for it.
    let _ = client.batch_execute("CHECKPOINT").await;
    Ok(())
}

/// Connects beside the store.
pub(super) async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

fn available_memory() -> Result<Option<u64>, Error> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"));
    let line = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: Option<u64> = line.map(str::parse).transpose()?;
    Ok(kilobytes.map(|kilobytes| kilobytes * 1024))
}

fn available_disk(path: &str) -> Option<u64> {
    let output = Command::new("df")
        .args(["-B1", "--output=avail", path])
        .output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    text.lines().nth(1)?.trim().parse().ok()
}
