//! What the operator decides for all clients: lifetimes, resource servers, consent.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    client::Client,
    grant::GrantType,
    types::{Resource, Scope},
};

/// The operator's decisions. The defaults are those of OAuth 2.1 and RFC 9700.
///
/// Lifetimes end exactly: what lives for 60 s is refused at 60 s and not before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// Of an authorization code: 60 s.
    pub code_lifetime: Duration,
    /// Of an access token: an hour.
    pub access_token_lifetime: Duration,
    /// Of all refresh tokens of a grant, counted from the user's approval: 30 days.
    pub refresh_token_lifetime: Duration,
    /// Of a refresh token that is not used: `None`, no such limit.
    pub refresh_token_idle: Option<Duration>,
    /// How long a used refresh token may be presented again by a retry of the same request: 30 s. Zero for not at all.
    pub refresh_grace: Duration,
    /// How many access tokens of a grant may be outstanding at a time; 100 by default.
    pub tokens_per_grant: u32,
    /// How long a visitor has from the authorization request to the decision: 30 min.
    pub interaction_lifetime: Duration,
    /// How long the repetition of a decision gets the answer of the first: 30 s.
    pub decision_grace: Duration,
    /// How long a consent is remembered: a year.
    pub consent_lifetime: Duration,
    /// Whether consent is remembered for public clients too: no.
    ///
    /// Any program on the user's machine can pose as a public client, and would get its tokens without a question
    /// (RFC 6749 §10.2, RFC 8252 §8.6).
    pub remember_public_clients: bool,
    /// The scopes that are told in the metadata.
    pub scopes: Scope,
    /// The resource servers that tokens can be asked for (RFC 8707). A request for another one is refused.
    pub resources: BTreeMap<Resource, ResourceServer>,
    /// The audience of tokens that were asked for without a `resource`.
    pub default_audience: Vec<String>,
}

/// What is known of a resource server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceServer {
    /// The scope that means something there; tokens for it are narrowed to that. `None` if every scope may.
    pub scope: Option<Scope>,
    /// What stands for it in the audience; its identifier, if `None`.
    pub audience: Option<String>,
}

impl ResourceServer {
    /// A resource server where every scope means something, and which is named by its identifier.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where only this scope means something.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// With another name in the audience of its tokens.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            code_lifetime: Duration::from_secs(60),
            access_token_lifetime: Duration::from_secs(60 * 60),
            refresh_token_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            refresh_token_idle: None,
            refresh_grace: Duration::from_secs(30),
            tokens_per_grant: 100,
            interaction_lifetime: Duration::from_secs(30 * 60),
            decision_grace: Duration::from_secs(30),
            consent_lifetime: Duration::from_secs(365 * 24 * 60 * 60),
            remember_public_clients: false,
            scopes: Scope::EMPTY,
            resources: BTreeMap::new(),
            default_audience: Vec::new(),
        }
    }
}

impl Policy {
    /// The lifetime of an authorization code of `client`.
    pub fn code_lifetime(&self, client: &Client) -> Duration {
        client.lifetimes().code.unwrap_or(self.code_lifetime)
    }

    /// The lifetime of an access token of `client`.
    pub fn access_token_lifetime(&self, client: &Client) -> Duration {
        client
            .lifetimes()
            .access_token
            .unwrap_or(self.access_token_lifetime)
    }

    /// The lifetime of a grant's refresh tokens for `client`, counted from the grant.
    pub fn refresh_token_lifetime(&self, client: &Client) -> Duration {
        client
            .lifetimes()
            .refresh_token
            .unwrap_or(self.refresh_token_lifetime)
    }

    /// How long a grant to `client` can give access, so that a user can be told (RFC 6749 §10.2).
    pub fn grant_lifetime(&self, client: &Client) -> Duration {
        if client.may_use(&GrantType::REFRESH_TOKEN) {
            self.refresh_token_lifetime(client)
        } else {
            self.access_token_lifetime(client)
        }
    }

    /// How long a refresh token of `client` lives without being used, if that is limited.
    pub fn refresh_token_idle(&self, client: &Client) -> Option<Duration> {
        client
            .lifetimes()
            .refresh_token_idle
            .or(self.refresh_token_idle)
            .filter(|idle| !idle.is_zero())
    }

    /// How long `client` may present a used refresh token again.
    pub fn refresh_grace(&self, client: &Client) -> Duration {
        client
            .lifetimes()
            .refresh_grace
            .unwrap_or(self.refresh_grace)
    }

    /// Whether consent to `client` is remembered.
    pub fn remembers(&self, client: &Client) -> bool {
        client.is_confidential() || self.remember_public_clients
    }

    /// Whether tokens can be asked for all of these resource servers.
    pub fn knows_all(&self, resources: &[Resource]) -> bool {
        resources
            .iter()
            .all(|resource| self.resources.contains_key(resource))
    }

    /// The audience of a token for these resource servers. One that the policy does not know (any more) contributes nothing.
    pub fn audience(&self, resources: &[Resource]) -> Vec<String> {
        if resources.is_empty() {
            return self.default_audience.clone();
        }
        let name = |resource: &Resource| {
            let server = self.resources.get(resource)?;
            let named = server.audience.as_deref();
            Some(named.unwrap_or(resource.as_str()).to_owned())
        };
        resources.iter().filter_map(name).collect()
    }

    /// What of `scope` means something at these resource servers (RFC 8707 §2.2). One that the policy does not know (any more)
    /// contributes nothing.
    pub fn effective_scope(&self, scope: &Scope, resources: &[Resource]) -> Scope {
        if resources.is_empty() {
            return scope.clone();
        }
        let mut usable = Scope::EMPTY;
        for server in resources
            .iter()
            .filter_map(|resource| self.resources.get(resource))
        {
            match &server.scope {
                Some(own) => usable = usable.union(own),
                None => return scope.clone(),
            }
        }
        scope.intersection(&usable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 8707-2-d, 8707-2-e, 8707-2.1-b, 8707-2.2-d
    #[test]
    fn resources_decide_audience_and_scope() {
        let resource = |text: &str| text.parse::<Resource>().unwrap();
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        let (a, b, c) = (
            resource("https://a"),
            resource("https://b"),
            resource("https://c"),
        );
        let server = |s: Option<&str>, audience: Option<&str>| ResourceServer {
            scope: s.map(scope),
            audience: audience.map(str::to_owned),
        };
        let policy = Policy {
            resources: [
                (a.clone(), server(Some("read"), None)),
                (b.clone(), server(Some("write"), Some("service-b"))),
                (c.clone(), server(None, None)),
            ]
            .into(),
            default_audience: vec!["everything".into()],
            ..Policy::default()
        };
        assert_eq!(policy.audience(&[]), ["everything"]);
        assert_eq!(
            policy.audience(&[a.clone(), b.clone()]),
            ["https://a", "service-b"]
        );
        let all = scope("read write other");
        assert_eq!(
            policy.effective_scope(&all, std::slice::from_ref(&a)),
            scope("read")
        );
        assert_eq!(
            policy.effective_scope(&all, &[a.clone(), b.clone()]),
            scope("read write")
        );
        assert_eq!(policy.effective_scope(&all, &[a.clone(), c]), all);
        assert_eq!(policy.effective_scope(&all, &[]), all);
        // One that is not known, or no longer.
        let gone = resource("https://gone");
        assert_eq!(
            policy.effective_scope(&all, &[a.clone(), gone.clone()]),
            scope("read")
        );
        assert_eq!(policy.audience(&[a.clone(), gone.clone()]), ["https://a"]);
        assert!(
            policy
                .effective_scope(&all, std::slice::from_ref(&gone))
                .is_empty()
        );
        assert!(policy.audience(&[gone]).is_empty());
        assert!(policy.knows_all(&[a, b]) && !policy.knows_all(&[resource("https://d")]));
    }
}
