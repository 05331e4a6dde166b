//! What a server must be.

use std::collections::HashMap;

use redis::{AsyncCommands as _, InfoDict, aio::MultiplexedConnection};

use crate::{
    error::ConnectError,
    script::{COMMANDS, Scripts},
};

/// Settings without which an acknowledged commit can be lost, and what they must be.
const LASTING: [(&str, &str); 4] = [
    // A log of all changes, and not now and then a picture of the whole.
    ("appendonly", "yes"),
    // Flushed before anybody is answered, and not within a second.
    ("appendfsync", "always"),
    // Also while the log is being written anew, for minutes perhaps.
    ("no-appendfsync-on-rewrite", "no"),
    // What does not fit into memory is refused, and nothing else dropped for it.
    ("maxmemory-policy", "noeviction"),
];

/// How the values are laid out; the module `value` has it.
const LAYOUT: &str = "1";

/// What is demanded of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// That it loses nothing that it has acknowledged.
    Lasting,
    /// That the scripts work.
    Working,
}

/// Looks at the server of a new connection, and hands it the scripts.
pub(crate) async fn check(
    redis: &mut MultiplexedConnection,
    prefix: &str,
    demand: Demand,
    scripts: &Scripts,
) -> Result<(), ConnectError> {
    is_suitable(redis).await?;
    if demand == Demand::Lasting {
        is_lasting(redis).await?;
    }
    let mut call = scripts.allowed.arg(prefix);
    for command in COMMANDS {
        call.arg(command);
    }
    let refused: Vec<String> = call
        .invoke_async(redis)
        .await
        .map_err(ConnectError::Unreachable)?;
    if !refused.is_empty() {
        return Err(ConnectError::Forbidden(refused));
    }
    for script in scripts.hot() {
        script
            .load_async(redis)
            .await
            .map_err(ConnectError::Unreachable)?;
    }
    has_this_layout(redis, prefix).await
}

async fn is_suitable(redis: &mut MultiplexedConnection) -> Result<(), ConnectError> {
    let info: InfoDict = redis::cmd("INFO")
        .query_async(redis)
        .await
        .map_err(ConnectError::Silent)?;
    let demand = |property: &'static str, needed, is_so: fn(&str) -> bool| {
        let found: String = info.get(property).unwrap_or_default();
        if is_so(&found) {
            return Ok(());
        }
        Err(ConnectError::Unsuitable {
            property,
            found,
            needed,
        })
    };
    demand("redis_version", "at least 7.0", |version| {
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        major.is_some_and(|major: u32| major >= 7)
    })?;
    demand("role", "master", |role| role == "master")?;
    demand("cluster_enabled", "0", |enabled| enabled == "0")
}

async fn is_lasting(redis: &mut MultiplexedConnection) -> Result<(), ConnectError> {
    let settings: HashMap<String, String> = redis::cmd("CONFIG")
        .arg("GET")
        .arg(&LASTING.map(|(setting, _)| setting))
        .query_async(redis)
        .await
        .map_err(ConnectError::Silent)?;
    for (setting, needed) in LASTING {
        let found = settings.get(setting).cloned().unwrap_or_default();
        if found != needed {
            return Err(ConnectError::Lossy {
                setting,
                found,
                needed,
            });
        }
    }
    Ok(())
}

async fn has_this_layout(
    redis: &mut MultiplexedConnection,
    prefix: &str,
) -> Result<(), ConnectError> {
    let key = format!("{prefix}layout");
    let found: Option<String> = redis.get(&key).await.map_err(ConnectError::Unreachable)?;
    let found = match found {
        Some(found) => found,
        // Who comes first says so, and all see what that one has said.
        None => {
            let _: bool = redis
                .set_nx(&key, LAYOUT)
                .await
                .map_err(ConnectError::Unreachable)?;
            redis.get(&key).await.map_err(ConnectError::Unreachable)?
        }
    };
    if found != LAYOUT {
        return Err(ConnectError::OtherLayout {
            found,
            known: LAYOUT,
        });
    }
    Ok(())
}
