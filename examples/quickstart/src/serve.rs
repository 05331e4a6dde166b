//! Serving until somebody says stop.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, signal, sync::watch, task::JoinSet};

/// How long requests in flight may take after Ctrl-C: longer than a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// Serves each application on its listener until it is `stopped`, and then finishes what is in flight.
///
/// # Errors
/// If one of them cannot go on.
pub async fn serve(
    apps: Vec<(TcpListener, Router)>,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stop, stopping) = watch::channel(());
    let mut serving = JoinSet::new();
    for (listener, app) in apps {
        let mut stopping = stopping.clone();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        serving.spawn(
            axum::serve(listener, service)
                .with_graceful_shutdown(async move {
                    // Nothing is ever sent: this ends when the sender is dropped.
                    let _ = stopping.changed().await;
                })
                .into_future(),
        );
    }
    tokio::select! {
        Some(ended) = serving.join_next() => return ended?,
        () = stopped => drop(stop),
    }
    // Requests in flight are finished; connections that never end are not waited for.
    let finished = async {
        while let Some(ended) = serving.join_next().await {
            ended??;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, finished)
        .await
        .unwrap_or(Ok(()))
}

/// Ctrl-C, or what service managers send. Heard from the call on.
///
/// # Errors
/// If the system does not tell.
#[cfg(unix)]
pub fn stop_signals() -> io::Result<impl Future<Output = ()>> {
    use signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ctrl-C. Heard from the call on.
///
/// # Errors
/// If the system does not tell.
#[cfg(windows)]
pub fn stop_signals() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
