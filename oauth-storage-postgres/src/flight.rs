//! A transaction sent in one piece, and what its answers mean.

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error, types::ToSql};

use crate::error::Failed;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// One statement of a transaction, with its parameters.
pub(crate) struct Step<'a> {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) parameters: Vec<Parameter<'a>>,
}

pub(crate) type Parameter<'a> = Box<dyn ToSql + Send + Sync + 'a>;

/// A [`Step`] of a text and parameters.
macro_rules! step {
    ($sql:expr, $($parameter:expr),+ $(,)?) => {
        crate::flight::Step {
            sql: $sql.into(),
            parameters: vec![$(Box::new($parameter) as crate::flight::Parameter<'_>),+],
        }
    };
}
pub(crate) use step;

/// What became of a transaction: how many rows its statements found or changed, all together, or why there is nothing of it.
pub(crate) type Landing = Result<u64, (Failed, Error)>;

/// Sends a whole transaction, from its beginning to its commit, and then waits for the answers.
///
/// If a statement fails, the database refuses those after it, and the commit undoes those before it. If the first one fails, so
/// do all: [outside of a transaction](crate::pool::SESSION) nothing is written. All is sent within the first poll, so if this
/// future is dropped the database carries out all or nothing, and the connection can be used by others: their statements come
/// after.
pub(crate) async fn fly(client: &ClientWrapper, steps: Vec<Step<'_>>) -> Landing {
    let mut statements = Vec::with_capacity(steps.len());
    for step in &steps {
        // Nothing has been sent yet, but this statement perhaps.
        let statement = client.prepare_cached(&step.sql).await;
        statements.push(statement.map_err(|error| (not_sent(&error), error))?);
    }
    let mut answers: Vec<Answer<'_>> = Vec::with_capacity(steps.len() + 2);
    answers.push(Box::pin(tell(client, BEGIN)));
    for (statement, step) in statements.iter().zip(steps) {
        answers.push(Box::pin(client.execute_raw(statement, step.parameters)));
    }
    answers.push(Box::pin(tell(client, "COMMIT")));

    let mut answers = all(answers).await;
    let commit = answers.pop().unwrap_or(Ok(0));
    let mut rows = 0;
    for answer in answers {
        rows += answer.map_err(|error| (Failed::before_commit(&error), error))?;
    }
    commit.map_err(|error| (Failed::at_commit(&error), error))?;
    Ok(rows)
}

async fn tell(client: &ClientWrapper, statement: &str) -> Result<u64, Error> {
    client.batch_execute(statement).await.map(|()| 0)
}

/// What is known when a statement could not be prepared.
fn not_sent(error: &Error) -> Failed {
    match Failed::before_commit(error) {
        Failed::Retry => Failed::Retry,
        Failed::Conflict | Failed::Nothing | Failed::Unknown => Failed::Nothing,
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 'a>>;

/// Waits for all, and polls them in their order: a statement is sent when it is first polled.
async fn all(mut answers: Vec<Answer<'_>>) -> Vec<Result<u64, Error>> {
    let mut results: Vec<_> = answers.iter().map(|_| None).collect();
    poll_fn(|context| poll_all(&mut answers, &mut results, context)).await;
    results.into_iter().flatten().collect()
}

fn poll_all(
    answers: &mut [Answer<'_>],
    results: &mut [Option<Result<u64, Error>>],
    context: &mut Context<'_>,
) -> Poll<()> {
    let mut all = Poll::Ready(());
    for (answer, result) in answers.iter_mut().zip(results) {
        if result.is_none() {
            match answer.as_mut().poll(context) {
                Poll::Ready(answer) => *result = Some(answer),
                Poll::Pending => all = Poll::Pending,
            }
        }
    }
    all
}
