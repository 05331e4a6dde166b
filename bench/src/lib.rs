//! What the server costs, as ratios measured in one run.
//!
//! ```text
//! cargo run --release -p bench -- peers            # against a bare endpoint and other libraries
//! cargo run --release -p bench -- growth           # what a request costs as the store grows
//! cargo run --release -p bench --bin allocations   # how often a request allocates
//! cargo run --release -p bench --bin target        # this server, for a load generator of your own
//! ```
//!
//! | here | is |
//! |---|---|
//! | [`demo`] | this server with one client that may do everything, and codes for it without a browser |
//! | [`serve`] | hyper, the same for everybody |
//! | [`peers`] | the comparison |
//! | [`growth`] | what grows with the store, and what does not |
//! | [`usage`] | what a process has used |

#![expect(
    clippy::missing_errors_doc,
    reason = "these are programs, whose errors are for people to read"
)]

pub mod demo;
pub mod growth;
pub mod peers;
pub mod serve;
pub mod usage;

/// Any error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
