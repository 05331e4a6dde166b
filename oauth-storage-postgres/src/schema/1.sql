-- Names are bytes, so that they are compared as bytes whatever the collation of the database.
CREATE TABLE oauth_record (
    digest bytea PRIMARY KEY,
    -- The id of the commit that wrote it last.
    version bytea NOT NULL,
    realm bytea NOT NULL,
    kind bytea NOT NULL,
    -- 0 single, 1 anchor, 2 member, 3 closed anchor.
    role smallint NOT NULL,
    -- The digest of the anchor whose family a member belongs to.
    family bytea,
    client bytea,
    subject bytea,
    -- In milliseconds since the Unix epoch.
    forget_at bigint NOT NULL,
    body bytea NOT NULL
);

CREATE INDEX oauth_record_of_family ON oauth_record (family) WHERE family IS NOT NULL;
CREATE INDEX oauth_record_to_forget ON oauth_record (forget_at);
CREATE INDEX oauth_record_of_client ON oauth_record (client, kind, realm, digest) WHERE client IS NOT NULL AND role <> 3;
CREATE INDEX oauth_record_of_subject ON oauth_record (subject, kind, realm, digest) WHERE subject IS NOT NULL AND role <> 3;
