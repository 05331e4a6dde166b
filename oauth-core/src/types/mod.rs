//! Protocol nouns. Each can only be made by a constructor that checks it, so holding one is the proof.

mod ids;

pub use self::ids::{ClientId, GrantId, InvalidId, Subject};
