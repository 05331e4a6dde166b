//! The kiosk: shows a PIN for a visitor.

use std::convert::Infallible;

use oauth_core::{
    AuthorizationServer,
    decide::{Context, Decide, Decision, Found, Rules, Step},
    error::Fault,
    store::Key,
    types::Subject,
};

use crate::pin::Pin;

/// A kiosk, by its name.
pub(crate) struct Kiosk {
    server: AuthorizationServer,
    name: String,
}

impl Kiosk {
    pub(crate) fn new(server: AuthorizationServer, name: &str) -> Self {
        let name = name.to_owned();
        Self { server, name }
    }

    /// The PIN to show to a visitor, in place of the one that was shown before.
    pub(crate) async fn show(&self, visitor: &Subject) -> Result<String, Fault> {
        let show = Show {
            kiosk: &self.name,
            visitor,
        };
        Ok(self.server.run(&show).await?)
    }
}

struct Show<'a> {
    kiosk: &'a str,
    visitor: &'a Subject,
}

impl Decide for Show<'_> {
    type Answer = String;
    type Denial = Infallible;

    fn needs(&self, rules: &Rules) -> Vec<Key> {
        vec![Pin::key(&rules.realm, self.kiosk)]
    }

    fn decide(
        &self,
        found: &Found,
        context: &mut Context<'_>,
    ) -> Result<Step<String, Infallible>, Fault> {
        let digits = six_digits(context);
        let pin = Pin::new(&digits, self.visitor.clone(), context.now);
        let record = pin.record(self.kiosk, context)?;
        let commit = match found.get(0) {
            Some(stored) => context.commit().replace(record, stored.version),
            None => context.commit().create(record),
        };
        Ok(Decision::grant(commit, digits).into())
    }
}

/// Of 128 random bits, so that all PINs are as likely as each other.
fn six_digits(context: &mut Context<'_>) -> String {
    let number = u128::from_be_bytes(context.random.id()) % 1_000_000;
    format!("{number:06}")
}
