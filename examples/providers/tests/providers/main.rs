//! The five providers, as the program serves them: on real sockets, by clients that are written here by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod applications;
#[expect(dead_code, reason = "what the quickstart's tests need besides")]
#[expect(unreachable_pub, reason = "it is public there")]
#[path = "../../../quickstart/tests/common/chromium.rs"]
mod chromium;
mod confinement;
mod everydo;
mod file;
mod instructions;
mod jsonp;
mod liuyuan;
mod minapp;
mod pigai;
mod place;
mod proauth;
mod race;
mod shutdown;
mod wire;
mod wo;
