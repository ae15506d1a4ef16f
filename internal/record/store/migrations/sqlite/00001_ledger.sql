-- +goose Up

-- One row for each leaf of the tree. Nothing is ever changed or deleted here.
CREATE TABLE entry (
    idx       INTEGER PRIMARY KEY,
    kind      TEXT    NOT NULL,
    version   INTEGER NOT NULL, -- of the kind's form
    time      INTEGER NOT NULL, -- microseconds since 1970, UTC
    source    TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    signature BLOB    NOT NULL, -- of the body, as the sender made it
    secret    TEXT    NOT NULL, -- the name of the secret that verified it
    extra     TEXT    NOT NULL,
    body_hash BLOB    NOT NULL,
    body_size INTEGER NOT NULL,
    leaf_hash BLOB    NOT NULL,
    identity  BLOB    NOT NULL -- begins as the id does
) STRICT;

-- What makes an entry a duplicate, and by which it is found by its id.
CREATE UNIQUE INDEX entry_identity ON entry (identity);

CREATE INDEX entry_time ON entry (time);

-- Bodies lie apart, so that questions about entries do not read past them, and
-- so that they can be erased. A delivery whose body is there already refers to it.
CREATE TABLE body (
    idx      INTEGER PRIMARY KEY,
    same     INTEGER,       -- the entry whose row has the body, where this one has not
    encoding TEXT NOT NULL, -- s2 or raw; same
    data     BLOB NOT NULL
) STRICT;
CREATE INDEX body_same ON body (same, idx) WHERE same IS NOT NULL;

-- The tree's inner hashes, of each 8th level only. Those of level 8 have beside
-- them how the 256 leaf hashes below begin, by which entries are found.
CREATE TABLE node (
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    leaves TEXT, -- 8 hexadecimal digits each
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

-- One row: how large the tree is, its right edge, whose it is, and the
-- checkpoint that was signed last.
CREATE TABLE head (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    size            INTEGER NOT NULL,
    frontier        BLOB    NOT NULL,
    public_key      TEXT    NOT NULL,
    checkpoint      BLOB    NOT NULL,
    checkpoint_time INTEGER NOT NULL -- microseconds since 1970, UTC
) STRICT;

-- +goose Down
DROP TABLE head;
DROP TABLE node;
DROP TABLE body;
DROP TABLE entry;
