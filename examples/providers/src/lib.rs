//! Five existing OAuth 2 providers, each as its document describes it, on one framework.
//!
//! - [`provider`] is what a provider is here: its dialect with its API, what its clients are allowed, and what to try with it.
//!   `pigai`, `liuyuan`, `proauth`, `minapp` and `everydo` are the five, side by side.
//! - [`clients`] registers the clients of a configuration file or of the demo.
//! - [`app`] puts a provider's services together, with the strict endpoints beside them.
//! - [`wo`] is the one API that runs in a process of its own.

pub mod app;
pub mod clients;
pub mod demo;
mod everydo;
mod liuyuan;
mod minapp;
mod passwords;
mod pigai;
mod proauth;
pub mod provider;
pub mod wo;

/// The program in the documentation has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/dialects.md")]
struct Dialects;
