-- +goose Up

-- What is no delivery is rare, and asked for at each start and report.
CREATE INDEX entry_kind ON entry (kind, idx) WHERE kind <> 'delivery';

-- +goose Down
DROP INDEX entry_kind;
