//! The thread that writes.

use std::{
    iter,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
};

use futures_channel::oneshot;
use oauth_core::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::{
    checkpoint::{Log, QUIET},
    connection::DatabaseFile,
    error::{OpenError, WriterPanicked, WriterStopped, unavailable},
};

/// How many jobs share a transaction at most, so that the first of them does not wait for too many others.
const GROUP: usize = 512;

/// Hands jobs to the thread that writes. Dropped, it waits until that thread has done what was handed to it.
pub(crate) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(file: DatabaseFile) -> Result<Self, OpenError> {
        let session = Session {
            open: Some(file.open_writer()?),
            file,
            log: Log::default(),
        };
        let (jobs, queue) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("oauth-storage-sqlite".to_owned())
            .spawn(move || write(session, &queue))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Runs `change` in a transaction, on the thread that writes, and answers once that is on the disk.
    ///
    /// It may be run twice, if the first transaction is rolled back for another's sake. If the future is dropped, the change is
    /// made or is not.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        change: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Task {
            change,
            result: None,
            reply,
        };
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(Box::new(job)));
        if !matches!(sent, Some(Ok(()))) {
            return Err(StoreError::unavailable(WriterStopped));
        }
        // A thread that panics without an answer may have come as far as the commit.
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::unknown(WriterPanicked)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It catches its panics.
            let _ = thread.join();
        }
    }
}

/// What the thread is asked to do.
trait Job: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;

    /// Does it, in a transaction that may be rolled back.
    fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()>;

    /// Tells what it came to, now that that is on the disk.
    fn succeed(self: Box<Self>);

    /// Tells why it failed.
    fn fail(self: Box<Self>, error: StoreError);
}

struct Task<T, F> {
    change: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_canceled()
    }

    fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.change)(transaction)?);
        Ok(())
    }

    fn succeed(self: Box<Self>) {
        if let Some(result) = self.result {
            // Whoever asked may have gone away by now. What is done is done.
            let _ = self.reply.send(Ok(result));
        }
    }

    fn fail(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

/// What the thread works with: a connection, which is opened anew after a panic.
struct Session {
    file: DatabaseFile,
    open: Option<Connection>,
    log: Log,
}

/// Takes what waits and does it in one transaction, until nobody is left who could hand over more.
fn write(mut session: Session, queue: &Receiver<Box<dyn Job>>) {
    while let Some(first) = session.next(queue) {
        let group: Vec<_> = iter::once(first)
            .chain(queue.try_iter())
            .take(GROUP)
            // Of whoever has gone away, nothing has happened yet, and nothing will.
            .filter(|job| !job.is_abandoned())
            .collect();
        if group.is_empty() {
            continue;
        }
        // Nothing that is used afterwards can be half done: the connection is closed, which rolls back, and opened anew.
        let done = panic::catch_unwind(AssertUnwindSafe(|| session.run(group)));
        if done.is_err() {
            session.open = None;
        }
    }
}

impl Session {
    /// The next job. While there is none for a while, the log is emptied.
    fn next(&mut self, queue: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        while let Some(connection) = self.open.as_ref().filter(|_| !self.log.is_empty()) {
            match queue.recv_timeout(QUIET) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Timeout) => self.log.truncate(connection),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        queue.recv().ok()
    }

    fn run(&mut self, jobs: Vec<Box<dyn Job>>) {
        let connection = match self.open.take().map_or_else(|| self.file.open_writer(), Ok) {
            Ok(connection) => self.open.insert(connection),
            Err(error) => {
                let error = Arc::new(error);
                for job in jobs {
                    job.fail(StoreError::unavailable(Arc::clone(&error)));
                }
                return;
            }
        };
        settle(connection, jobs);
        self.log.tend(connection);
    }
}

/// Does these jobs together. If one of them fails, it does each for itself, so that nobody suffers from another's.
fn settle(connection: &mut Connection, mut jobs: Vec<Box<dyn Job>>) {
    match attempt(connection, &mut jobs) {
        Ok(()) => {
            for job in jobs {
                job.succeed();
            }
        }
        Err(Failure::Job(_)) if jobs.len() > 1 => {
            for job in jobs {
                settle(connection, vec![job]);
            }
        }
        Err(Failure::Begin(error) | Failure::Job(error)) => {
            let error = Arc::new(error);
            for job in jobs {
                job.fail(unavailable(&error));
            }
        }
        Err(Failure::Commit(error)) => {
            let error = Arc::new(error);
            for job in jobs {
                job.fail(StoreError::unknown(Arc::clone(&error)));
            }
        }
    }
}

/// How far a group of jobs came before it failed.
enum Failure {
    /// No transaction was begun.
    Begin(rusqlite::Error),
    /// A job failed, and the transaction was rolled back.
    Job(rusqlite::Error),
    /// The transaction failed to commit. It is in the log if only the flush of the disk failed, and if the process dies then, it
    /// is found there.
    Commit(rusqlite::Error),
}

fn attempt(connection: &mut Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(Failure::Begin)?;
    for job in jobs {
        job.run(&transaction).map_err(Failure::Job)?;
    }
    transaction.commit().map_err(Failure::Commit)
}

#[cfg(test)]
mod tests {
    use std::{
        error::Error as _,
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering},
        task::Poll,
    };

    use oauth_core::store::StoreErrorKind;
    use tempfile::TempDir;

    use super::*;

    /// A writer with a table of numbers.
    fn writer() -> (TempDir, Writer) {
        let directory = tempfile::tempdir().unwrap();
        let file = DatabaseFile::create(&directory.path().join("test.db")).unwrap();
        let connection = file.open_writer().unwrap();
        let sql = "CREATE TABLE number (value INTEGER NOT NULL UNIQUE);
            CREATE TABLE parent (id INTEGER PRIMARY KEY);
            CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);";
        connection.execute_batch(sql).unwrap();
        (directory, Writer::start(file).unwrap())
    }

    fn insert(value: i64) -> impl Fn(&Connection) -> rusqlite::Result<()> {
        move |transaction| {
            transaction.execute("INSERT INTO number VALUES (?1)", [value])?;
            Ok(())
        }
    }

    async fn numbers(writer: &Writer) -> Vec<i64> {
        let read = |transaction: &Connection| {
            let mut select = transaction.prepare("SELECT value FROM number ORDER BY value")?;
            select.query_map([], |row| row.get(0))?.collect()
        };
        writer.run(read).await.unwrap()
    }

    /// Runs `during` while the writer is busy with something else: what it hands over waits, and is taken up together.
    async fn while_busy<T>(writer: &Writer, during: impl AsyncFnOnce() -> T) -> T {
        let (ready, started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let work = writer.run(move |_| {
            ready.send(()).unwrap();
            released.recv().unwrap_err();
            Ok(())
        });
        let during = async {
            started.recv().unwrap();
            let mut during = Box::pin(during());
            let mut release = Some(release);
            // It is polled once before the writer may go on.
            poll_fn(|context| {
                let polled = during.as_mut().poll(context);
                release.take();
                polled
            })
            .await
        };
        tokio::join!(work, during).1
    }

    #[tokio::test]
    async fn jobs_that_wait_share_a_transaction_and_none_suffers_from_another() {
        let (_directory, writer) = writer();
        insert_one(&writer, 7).await;
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let (first, second, third) = while_busy(&writer, async || {
            tokio::join!(
                writer.run(move |transaction| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    insert(1)(transaction)
                }),
                writer.run(|transaction| {
                    insert(2)(transaction)?;
                    insert(7)(transaction)
                }),
                writer.run(insert(3)),
            )
        })
        .await;
        assert!(first.is_ok() && third.is_ok());
        assert_eq!(second.unwrap_err().kind(), StoreErrorKind::Unavailable);
        assert_eq!(numbers(&writer).await, [1, 3, 7]);
        // Once together with the others, and once alone.
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }

    async fn insert_one(writer: &Writer, value: i64) {
        writer.run(insert(value)).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_unavailable_and_changes_nothing() {
        let (_directory, writer) = writer();
        insert_one(&writer, 1).await;
        let limit = |pages: i64| {
            move |connection: &Connection| {
                connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            }
        };
        writer.run(limit(1)).await.unwrap();
        let fill = |transaction: &Connection| {
            insert(2)(transaction)?;
            let sql = "INSERT INTO record VALUES (1, x'01', x'', '', '', 0, NULL, NULL, NULL, 0, zeroblob(100000))";
            transaction.execute(sql, [])
        };
        let failed = writer.run(fill).await.unwrap_err();
        assert_eq!(failed.kind(), StoreErrorKind::Unavailable);
        assert_eq!(numbers(&writer).await, [1]);
        writer.run(limit(1_000_000)).await.unwrap();
        writer.run(fill).await.unwrap();
        assert_eq!(numbers(&writer).await, [1, 2]);
    }

    #[tokio::test]
    async fn what_became_of_a_failed_commit_is_unknown() {
        let (_directory, writer) = writer();
        let orphan = |transaction: &Connection| {
            insert(1)(transaction)?;
            transaction.execute("INSERT INTO child VALUES (1)", [])
        };
        let failed = writer.run(orphan).await.unwrap_err();
        assert_eq!(failed.kind(), StoreErrorKind::Unknown);
        assert_eq!(numbers(&writer).await, [] as [i64; 0]);
        insert_one(&writer, 2).await;
        assert_eq!(numbers(&writer).await, [2]);
    }

    #[tokio::test]
    async fn after_a_panic_everybody_is_answered_and_the_next_is_served() {
        let (_directory, writer) = writer();
        insert_one(&writer, 7).await;
        let (before, panicked, beside) = while_busy(&writer, async || {
            tokio::join!(
                writer.run(insert(1)),
                writer.run(|transaction| -> rusqlite::Result<()> {
                    insert(2)(transaction)?;
                    panic!("on purpose")
                }),
                writer.run(insert(3)),
            )
        })
        .await;
        for failed in [before, panicked, beside] {
            let failed = failed.unwrap_err();
            assert_eq!(failed.kind(), StoreErrorKind::Unknown);
            let source = failed.source().unwrap().to_string();
            assert!(source.contains("panicked"), "{source}");
        }
        insert_one(&writer, 8).await;
        assert_eq!(numbers(&writer).await, [7, 8]);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_opened_again_is_unavailable_until_it_can() {
        let (directory, writer) = writer();
        let file = directory.path().join("test.db");
        let panic = |_: &Connection| -> rusqlite::Result<()> { panic!("on purpose") };
        writer.run(panic).await.unwrap_err();
        let version = |number: i32| {
            let connection = Connection::open(&file).unwrap();
            connection
                .pragma_update(None, "user_version", number)
                .unwrap();
        };
        version(99);
        let failed = writer.run(insert(1)).await.unwrap_err();
        assert_eq!(failed.kind(), StoreErrorKind::Unavailable);
        let source = failed.source().unwrap().to_string();
        assert!(source.contains("schema version 99"), "{source}");
        version(1);
        insert_one(&writer, 2).await;
        assert_eq!(numbers(&writer).await, [2]);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun() {
        let (_directory, writer) = writer();
        while_busy(&writer, async || {
            let mut abandoned = Box::pin(writer.run(insert(1)));
            // Once polled, it is in the queue.
            let is_pending =
                poll_fn(|context| Poll::Ready(abandoned.as_mut().poll(context).is_pending())).await;
            assert!(is_pending);
        })
        .await;
        assert_eq!(numbers(&writer).await, [] as [i64; 0]);
    }
}
