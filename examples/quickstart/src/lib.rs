//! A working authorization server: users, pages, an API that it protects, and a file that configures it.
//!
//! - [`config`] is the file, read and checked, with the line of what is wrong in it.
//! - [`demo`] is what is there without a file.
//! - [`app`] puts the services together. This is the part to copy from.
//! - [`secret`] loads the operator secret.
//! - [`users`] are the users of the file.
//! - [`serve`] serves until Ctrl-C.

pub mod app;
pub mod config;
pub mod demo;
pub mod secret;
pub mod serve;
pub mod users;

/// The README's program has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
