//! The bearer layer: RFC 6750 row by row, introspection, and the frameworks it stands in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test's helpers fail as its test does, and a table is as long as it is"
)]

mod bound;
mod forms;
mod frameworks;
mod introspection;
mod rfc6750;
mod same_process;
mod support;
