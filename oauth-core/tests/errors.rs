//! Denials and faults as errors: they work with `?`, and say in the log what was wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

use std::convert::Infallible;

use oauth_core::{
    authorize::{AuthorizationDenial, InteractionDenial, UnprovenDenial},
    client::ClientDenial,
    error::{Denial, Error, ErrorCode, Fault, Refusal},
    grant::{CodeDenial, PasswordDenial, RefreshDenial, TokenDenial},
    pkce::InvalidChallenge,
    random::EntropyError,
    store::StoreError,
    token::{IntrospectionDenial, RevocationDenial},
};

/// `?` on an error of one kind, in a function that has errors of another.
fn passed_on<E, D>(error: E) -> Error<D>
where
    Error<D>: From<E>,
{
    let fails = || -> Result<Infallible, Error<D>> { Err(error)? };
    match fails() {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

#[test]
fn one_denial_becomes_another() {
    let token = |error: Error<TokenDenial>| error.into_denial().unwrap();
    let client = ClientDenial::WrongSecret;
    assert_eq!(token(passed_on(client)), TokenDenial::Client(client));
    let error = Error::Denied(client);
    assert_eq!(token(passed_on(error)), TokenDenial::Client(client));
    let code = CodeDenial::Replayed;
    assert_eq!(token(passed_on(code)), TokenDenial::Code(code));
    let refresh = RefreshDenial::Reused;
    assert_eq!(token(passed_on(refresh)), TokenDenial::Refresh(refresh));
    let password = Error::Denied(PasswordDenial::Wrong);
    let expected = TokenDenial::Password(PasswordDenial::Wrong);
    assert_eq!(token(passed_on(password)), expected);
    let error: Error<RevocationDenial> = passed_on(Error::Denied(client));
    assert_eq!(error.denial(), Some(&RevocationDenial::Client(client)));
    let error: Error<IntrospectionDenial> = passed_on(Error::Denied(client));
    assert_eq!(error.denial(), Some(&IntrospectionDenial::Client(client)));
}

/// A fault stays one on its way, and is never taken for a denial.
#[test]
fn a_fault_is_passed_on_as_it_is() {
    let store = || StoreError::unavailable("away");
    let errors: [Error<TokenDenial>; 5] = [
        passed_on(store()),
        passed_on(Fault::from(store())),
        passed_on(Error::<ClientDenial>::Fault(store().into())),
        passed_on(EntropyError),
        passed_on(Error::<PasswordDenial>::Fault(EntropyError.into())),
    ];
    for (index, error) in errors.into_iter().enumerate() {
        assert_eq!(error.denial(), None);
        let text = error.to_string();
        let fault = error.into_denial().unwrap_err();
        assert_eq!(fault.to_string(), text);
        assert_eq!(matches!(fault, Fault::Store(_)), index < 3);
    }
    let never: Error<Infallible> = passed_on(store());
    assert!(matches!(Fault::from(never), Fault::Store(_)));
}

/// What is logged is a phrase, and for nested denials that of the innermost.
#[test]
fn a_denial_says_why_in_the_log() {
    let refusal = Refusal::new(ErrorCode::INVALID_GRANT, "no");
    let reason = "the PIN is wrong";
    let rows: [(&dyn Denial, &str); 13] = [
        (&ClientDenial::WrongSecret, "wrong client secret"),
        (
            &TokenDenial::Client(ClientDenial::Unknown),
            "no such client",
        ),
        (&TokenDenial::Missing("code"), "code is missing"),
        (
            &TokenDenial::Malformed("code_verifier"),
            "code_verifier is malformed",
        ),
        (
            &TokenDenial::Code(CodeDenial::Expired),
            "the code has expired",
        ),
        (
            &TokenDenial::Refresh(RefreshDenial::Expired),
            "the grant has expired",
        ),
        (
            &TokenDenial::Password(PasswordDenial::Wrong),
            "wrong user name or password",
        ),
        (&TokenDenial::Extension { refusal, reason }, reason),
        (
            &RevocationDenial::Client(ClientDenial::Unknown),
            "no such client",
        ),
        (&IntrospectionDenial::Missing, "token is missing"),
        (
            &AuthorizationDenial::Challenge(InvalidChallenge::Method),
            "code_challenge_method has to be S256",
        ),
        (
            &UnprovenDenial::WrongRedirectUri,
            "redirect_uri is not registered",
        ),
        (&InteractionDenial::Expired, "the handle has expired"),
    ];
    for (denial, expected) in rows {
        assert_eq!(denial.to_string(), expected);
    }
    // As an error it says the same, without a cause that would repeat it.
    let error = Error::Denied(TokenDenial::Client(ClientDenial::Unknown));
    assert_eq!(error.to_string(), "no such client");
    assert!(std::error::Error::source(&error).is_none());
}
