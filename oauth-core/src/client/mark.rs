//! Marks of what may be used only once.

use crate::{
    store::{Key, Kind, Realm, Record, Role},
    time::Timestamp,
};

/// The mark of something that may be used only once, such as the `jti` of an assertion.
///
/// It is written together with the changes of the request. If it exists already, the request is a
/// replay: it is denied, and nothing is written, including its other marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeMark(Record);

impl OneTimeMark {
    /// The mark with this name, kept until `forget_at`. From then on, the thing itself must be
    /// refused as too old.
    ///
    /// The name must be unique among all methods and clients: begin it with the name of the method
    /// and the client's id.
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
