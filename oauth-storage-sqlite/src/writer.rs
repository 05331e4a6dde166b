//! The thread that writes.

use std::{
    iter,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use futures_channel::oneshot;
use oauth_core::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{OpenError, WriterStopped};

/// How many jobs share a transaction at most, so that the first of them does not wait for too many others.
const GROUP: usize = 512;

/// Hands jobs to the thread that writes. Dropped, it waits until that thread has done what was handed to it.
pub(crate) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> Result<Self, OpenError> {
        let (jobs, queue) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("oauth-storage-sqlite".to_owned())
            .spawn(move || write(connection, &queue))
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
        // A thread that stops without an answer may have come as far as the commit.
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::unknown(WriterStopped)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, everybody who waited has been told.
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

/// Takes what waits and does it in one transaction, until nobody is left who could hand over more.
fn write(mut connection: Connection, queue: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = queue.recv() {
        let group: Vec<_> = iter::once(first)
            .chain(queue.try_iter())
            .take(GROUP)
            // Of whoever has gone away, nothing has happened yet, and nothing will.
            .filter(|job| !job.is_abandoned())
            .collect();
        if !group.is_empty() {
            settle(&mut connection, group);
        }
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
                job.fail(StoreError::unavailable(Arc::clone(&error)));
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
