//! Clients.
use crate::types::ClientId;
/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    id: ClientId,
}
impl Client {
    /// Its id.
    pub fn id(&self) -> &ClientId {
        &self.id
    }
}
