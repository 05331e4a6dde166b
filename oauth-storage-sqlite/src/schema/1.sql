-- Rows are in the order in which they came, so that a new one touches no more than the last page of the table and one random
-- page of each index, and pruning frees whole pages. All text is compared as bytes.
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    -- The id of the commit that wrote it last.
    version BLOB NOT NULL,
    realm TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- 0 single, 1 anchor, 2 member, 3 closed anchor.
    role INTEGER NOT NULL,
    -- The digest of the anchor whose family a member belongs to.
    family BLOB,
    client TEXT,
    subject TEXT,
    -- In milliseconds since the Unix epoch.
    forget_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX record_of_family ON record (family) WHERE family IS NOT NULL;
CREATE INDEX record_to_forget ON record (forget_at);
CREATE INDEX record_of_client ON record (realm, kind, client, digest) WHERE client IS NOT NULL AND role <> 3;
CREATE INDEX record_of_subject ON record (realm, kind, subject, digest) WHERE subject IS NOT NULL AND role <> 3;
