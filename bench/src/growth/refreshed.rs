//! Grants that are refreshed over and over: what they take after the tenth time, next to after the first.
//!
//! Between the rounds the clock moves past the life of all access tokens, so that only the grants
//! live. A store that kept anything of a used refresh token would grow with every round.

use std::{sync::Arc, time::Duration};

use clap::Args;
use oauth_core::{AuthorizationServer, policy::Policy};
use tokio::task::JoinSet;

use super::{
    Name,
    churn::Simulated,
    grown::float,
    place::{Place, Places},
};
use crate::{
    Error,
    demo::{Demo, REDIRECT_URI, builder, presented},
};

/// How many requests are on their way at a time.
const AT_ONCE: usize = 64;

/// What to measure.
#[derive(Args, Debug)]
pub struct Refreshed {
    /// How many grants
    #[arg(long, default_value_t = 1_000_000)]
    grants: usize,
    /// How often each is refreshed
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Which stores
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Name::ALL)]
    stores: Vec<Name>,
    /// A PostgreSQL server where databases may be created, for that store, which is left out otherwise
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// Measures.
pub fn run(arguments: &Refreshed) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(arguments))
}

async fn measure(arguments: &Refreshed) -> Result<(), Error> {
    println!("| store | round | rows | MB | of the first round |\n|---|---|---|---|---|");
    for name in &arguments.stores {
        if *name == Name::Postgres && arguments.postgres.is_none() {
            eprintln!("PostgreSQL is left out: no --postgres URL");
            continue;
        }
        let places = Places::new(*name, arguments.postgres.as_deref()).await?;
        let place = places.open("refreshed").await?;
        refresh_all(*name, &place, arguments).await?;
    }
    Ok(())
}

async fn refresh_all(name: Name, place: &Place, arguments: &Refreshed) -> Result<(), Error> {
    let clock = Arc::new(Simulated::new());
    let policy = Policy::default();
    // With the margin by which the server lets the store forget later than its clock says.
    let passes = policy.access_token_lifetime + Duration::from_secs(11 * 60);
    let server = builder(place.store())?
        .clock(Arc::clone(&clock) as _)
        .policy(policy)
        .build()?;
    let mut tokens = redeem_all(&server, arguments.grants).await?;
    let mut first = None;
    for round in 1..=arguments.rounds {
        clock.advance(passes);
        tokens = each(tokens, {
            let server = server.clone();
            move |token| {
                let server = server.clone();
                async move {
                    let request =
                        presented(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
                    next(&server, &request).await
                }
            }
        })
        .await?;
        place.vacuum().await?;
        let (rows, bytes) = (place.rows().await?, place.bytes().await?);
        let (rows_then, bytes_then) = *first.get_or_insert((rows, bytes));
        println!(
            "| {} | {round} | {rows} | {:.1} | {:.3}, {:.3} |",
            name.title(),
            float(bytes) / 1e6,
            float(rows) / float(rows_then),
            float(bytes) / float(bytes_then),
        );
    }
    Ok(())
}

/// Opens so many grants, and redeems the code of each for its first refresh token.
async fn redeem_all(server: &AuthorizationServer, grants: usize) -> Result<Vec<String>, Error> {
    let demo = Demo::of(server.clone())?;
    each((0..grants).collect(), move |number| {
        let demo = demo.clone();
        async move {
            let (code, verifier) = demo.code(number).await?;
            let request = presented(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", &verifier),
            ]);
            next(demo.server(), &request).await
        }
    })
    .await
}

async fn next(
    server: &AuthorizationServer,
    request: &oauth_core::client::ClientRequest,
) -> Result<String, Error> {
    let answer = server.token(request).await?;
    let token = answer.refresh_token.ok_or("no refresh token")?;
    Ok(token.expose().to_owned())
}

/// Does the same with each item, several at a time. The answers come in any order.
async fn each<T, R, F>(
    items: Vec<T>,
    work: impl Fn(T) -> F + Clone + Send + 'static,
) -> Result<Vec<R>, Error>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<R, Error>> + Send + 'static,
{
    let mut answers = Vec::with_capacity(items.len());
    let mut tasks = JoinSet::new();
    for item in items {
        if tasks.len() == AT_ONCE
            && let Some(done) = tasks.join_next().await
        {
            answers.push(done??);
        }
        tasks.spawn(work(item));
    }
    while let Some(done) = tasks.join_next().await {
        answers.push(done??);
    }
    Ok(answers)
}
