package postgrestest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// TestRestarts: what was committed is there after each way of stopping, the
// server syncs, and a session of before is gone.
func TestRestarts(t *testing.T) {
	server := postgrestest.Start(t, "autovacuum=off")
	dsn := server.Create(t, "kept")
	server.Exec(t, "kept", "CREATE TABLE seen (mode int)")
	for n, mode := range []postgrestest.Mode{postgrestest.Fast, postgrestest.Immediate, postgrestest.Kill} {
		old := connect(t, dsn)
		server.Exec(t, "kept", "INSERT INTO seen VALUES (1)")
		before := server.PID()
		server.Restart(t, mode)
		if server.PID() == before {
			t.Errorf("mode %d: still the same process", mode)
		}
		if err := old.Ping(t.Context()); err == nil {
			t.Errorf("mode %d: a session of before goes on", mode)
		}
		var rows int
		var fsync, vacuum string
		err := connect(t, dsn).QueryRow(t.Context(),
			"SELECT count(*), current_setting('fsync'), current_setting('autovacuum') FROM seen").Scan(&rows, &fsync, &vacuum)
		if err != nil || rows != n+1 || fsync != "on" || vacuum != "off" {
			t.Errorf("mode %d: %d rows, fsync %s, autovacuum %s, %v", mode, rows, fsync, vacuum, err)
		}
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
