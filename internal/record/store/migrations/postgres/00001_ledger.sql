-- +goose Up

-- The leaves of the tree, in order, for good. Text is printable ASCII, so that
-- the order of bytes is the only one.
CREATE TABLE entry (
    idx       bigint PRIMARY KEY,
    kind      text COLLATE "C" NOT NULL,
    version   bigint NOT NULL, -- of the kind's form
    time      bigint NOT NULL, -- µs since 1970
    source    text COLLATE "C" NOT NULL,
    id        text COLLATE "C" NOT NULL,
    name      text COLLATE "C" NOT NULL,
    target    text COLLATE "C" NOT NULL,
    signature bytea NOT NULL, -- of the body, as the sender made it
    secret    text COLLATE "C" NOT NULL, -- the name of the secret that verified it
    extra     text COLLATE "C" NOT NULL,
    body_hash bytea NOT NULL,
    body_size bigint NOT NULL,
    leaf_hash bytea NOT NULL,
    identity  bytea NOT NULL -- begins as the id does
);
CREATE UNIQUE INDEX entry_identity ON entry (identity);
CREATE INDEX entry_time ON entry (time);

-- The bodies lie apart, so that they can be erased. They come compressed, and
-- most are of 2 to 4 KB: kept in the row, which costs the server a fifth less
-- CPU than keeping them out of it, as it would from 2 KB on. A delivery whose
-- body is there already refers to it.
CREATE TABLE body (
    idx      bigint PRIMARY KEY,
    same     bigint, -- the entry whose row has the body, where this one has not
    encoding text COLLATE "C" NOT NULL,
    data     bytea NOT NULL
) WITH (toast_tuple_target = 8160);
ALTER TABLE body ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX body_same ON body (same, idx) WHERE same IS NOT NULL;

-- The hashes above the leaves, of every eighth level. Those of level 8 have beside
-- them how the 256 leaf hashes below begin, by which entries are found.
CREATE TABLE node (
    level  integer NOT NULL,
    n      bigint NOT NULL,
    hash   bytea NOT NULL,
    leaves text COLLATE "C", -- 8 hexadecimal digits each
    PRIMARY KEY (level, n)
);

-- One row: where the next entry goes. Whoever locks it is the only writer. Most
-- of its page is kept free, for the versions of the row that follow fast.
CREATE TABLE head (
    one             integer PRIMARY KEY CHECK (one = 1),
    size            bigint NOT NULL,
    frontier        bytea NOT NULL,
    public_key      text NOT NULL,
    checkpoint      bytea NOT NULL,
    checkpoint_time bigint NOT NULL -- µs since 1970
) WITH (fillfactor = 10);
ALTER TABLE head ALTER COLUMN frontier SET STORAGE PLAIN;
