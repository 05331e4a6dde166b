//! Marks of what may be used once.

use crate::{
    store::{Key, Kind, Realm, Record, Role},
    time::Timestamp,
};

/// The mark of something that may be used once: the `jti` of an assertion, say.
///
/// It is written with what the request does. If it is there already, the request is a replay: it is denied, and nothing is
/// written, none of its other marks either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeMark(Record);

impl OneTimeMark {
    /// The mark of what has this name, kept until `forget_at`: from then on it must be refused for being too old.
    ///
    /// The name has to tell whose it is and what it is: begin with the name of the method and the client's id.
    pub fn new(namespace: &Realm, name: &[&[u8]], forget_at: Timestamp) -> Self {
        Self(Record {
            key: Key::new(namespace, Kind::REPLAY, name),
            role: Role::Single,
            owner: None,
            forget_at,
            body: Box::default(),
        })
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0.key
    }

    pub(crate) fn record(&self) -> Record {
        self.0.clone()
    }
}
