//! Registering clients under a provider's dialect: each gets exactly what it is dangerous to do and needed there.

use oauth_core::{
    client::{Client, ClientAuthentication, ClientSecrets},
    grant::GrantType,
    types::{ClientId, RegisteredRedirectUri, Scope, Secret, SecretDigest},
};
use oauth_tower::dialect::JsonpHosts;
use quickstart::config::DialectClient;

use crate::provider::{Grant, Proof, Provider};

/// What is kept about a provider's clients beside their registration.
#[derive(Debug, Default)]
pub struct Kept {
    /// The secrets that have to verify an HMAC.
    pub readable_secrets: Vec<(ClientId, Secret)>,
    /// From which sites' pages clients may be used by JSONP.
    pub jsonp_hosts: JsonpHosts,
}

/// Registers a client under a provider's dialect.
///
/// # Errors
/// With what is wrong about it.
pub fn register(
    provider: &Provider,
    kept: &mut Kept,
    asked: DialectClient,
) -> Result<Client, String> {
    let name = provider.dialect.name;
    let grants = grants(provider, &asked)?;
    let mut builder = match (&asked.secret, provider.proof) {
        (Some(secret), Proof::Secret | Proof::SecretOrNone) => {
            let secrets = ClientSecrets::new(SecretDigest::of(secret.expose()));
            Client::confidential(asked.id.clone(), ClientAuthentication::SecretPost(secrets))
        }
        (Some(secret), Proof::Token(method)) => {
            kept.readable_secrets
                .push((asked.id.clone(), secret.clone()));
            let method = ClientAuthentication::Method(method.into());
            Client::confidential(asked.id.clone(), method)
        }
        (None, Proof::SecretOrNone) => Client::public(asked.id.clone()),
        (None, _) => return Err(format!("a client of {name} needs a client_secret")),
    };
    if let Some(hosts) = asked.jsonp_hosts {
        if !provider.grants.contains(&Grant::Implicit) {
            return Err(format!("{name} has no JSONP, so no jsonp_hosts"));
        }
        kept.jsonp_hosts = std::mem::take(&mut kept.jsonp_hosts).limit(asked.id, hosts);
    }
    if let Some(client_name) = asked.name {
        builder = builder.name(client_name);
    }
    for uri in &asked.redirect_uris {
        builder = match RegisteredRedirectUri::new(uri) {
            Ok(_) => builder.redirect_uri(uri),
            Err(_) => builder.dangerous_http_redirect_uri(uri),
        };
    }
    let scope = match asked.scope {
        Some(scope) => scope,
        None => provider.scope.parse::<Scope>().unwrap_or_default(),
    };
    let mut grant_types = Vec::new();
    for grant in &grants {
        builder = match grant {
            Grant::Code if asked.secret.is_some() && provider.is_redirect_uri_once => builder
                .dangerous_pkce_optional()
                .dangerous_redirect_uri_once(),
            Grant::Code if asked.secret.is_some() => builder.dangerous_pkce_optional(),
            Grant::OwnCode => builder.dangerous_own_code(),
            Grant::Password => builder.dangerous_password(),
            // What anybody can have without asking for it is nothing.
            Grant::Implicit if asked.redirect_uris.is_empty() => builder
                .dangerous_token_without_authentication()
                .default_scope(Scope::EMPTY),
            Grant::Implicit => builder
                .dangerous_token_without_authentication()
                .dangerous_implicit()
                .default_scope(Scope::EMPTY),
            Grant::Code | Grant::Refresh | Grant::ClientCredentials => builder,
        };
        if *grant != Grant::Implicit && *grant != Grant::Password {
            grant_types.push(GrantType::new(grant.name()));
        }
    }
    provider
        .dialect
        .client(builder)
        .scope((provider.dialect.widen)(scope))
        .grant_types(grant_types)
        .lifetimes(asked.lifetimes.or(provider.dialect.lifetimes))
        .build()
        .map_err(|error| error.to_string())
}

/// What a client is registered for; what the provider has and the client can use, if nothing is said.
fn grants(provider: &Provider, asked: &DialectClient) -> Result<Vec<Grant>, String> {
    let Some(names) = &asked.grant_types else {
        let can_use = |grant: &Grant| match grant {
            Grant::Code => !asked.redirect_uris.is_empty(),
            Grant::ClientCredentials => asked.secret.is_some(),
            _ => true,
        };
        let usable: Vec<_> = provider.grants.iter().copied().filter(can_use).collect();
        let begins = usable.iter().any(|grant| *grant != Grant::Refresh);
        // Who can begin nothing is told what is missing for all of it.
        return Ok(if begins {
            usable
        } else {
            provider.grants.to_vec()
        });
    };
    names
        .iter()
        .map(|name| {
            let found = provider
                .grants
                .iter()
                .find(|grant| grant.name() == name.as_str());
            found
                .copied()
                .ok_or_else(|| format!("{} has no grant {name}", provider.dialect.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use oauth_core::client::Danger;

    use super::*;
    use crate::provider::ALL;

    /// Each has what its provider needs, and none has more.
    #[test]
    fn clients_are_allowed_what_their_provider_needs() {
        const ALL_DANGERS: [Danger; 7] = [
            Danger::PkceOptional,
            Danger::PlainPkce,
            Danger::Implicit,
            Danger::Password,
            Danger::TokenWithoutAuthentication,
            Danger::OwnCode,
            Danger::RedirectUriOnce,
        ];
        for (provider, dangers) in ALL.into_iter().zip([
            &[
                Danger::PkceOptional,
                Danger::Implicit,
                Danger::TokenWithoutAuthentication,
            ][..],
            &[Danger::PkceOptional, Danger::RedirectUriOnce],
            &[Danger::PkceOptional],
            &[Danger::OwnCode],
            &[
                Danger::PkceOptional,
                Danger::Password,
                Danger::RedirectUriOnce,
            ],
        ]) {
            let asked = provider.demo.client("http://app.example/cb");
            let client = register(provider, &mut Kept::default(), asked.unwrap()).unwrap();
            let allowed: Vec<_> = ALL_DANGERS
                .into_iter()
                .filter(|danger| client.allows(*danger))
                .collect();
            assert_eq!(allowed, dangers, "{}", provider.dialect.name);
            assert_eq!(client.profile(), Some(provider.dialect.name));
        }
    }

    #[test]
    fn what_a_provider_does_not_have_is_refused() {
        let ask = |provider: usize, change: fn(&mut DialectClient)| {
            let mut asked = ALL[provider].demo.client("http://app.example/cb").unwrap();
            change(&mut asked);
            register(ALL[provider], &mut Kept::default(), asked).unwrap_err()
        };
        assert!(ask(1, |client| client.secret = None).contains("client_secret"));
        assert!(ask(2, |client| client.jsonp_hosts = Some(Vec::new())).contains("no JSONP"));
        let password = |client: &mut DialectClient| {
            client.grant_types = Some(vec![GrantType::PASSWORD]);
        };
        assert!(ask(3, password).contains("minapp has no grant password"));
    }
}
