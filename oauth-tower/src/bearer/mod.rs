//! Access tokens at an API (RFC 6750).
