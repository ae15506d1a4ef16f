package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Server serves a handler to strangers: nobody holds a connection for long by
// being slow, and it speaks HTTP/1 only (a proxy that speaks HTTP/2 to it in
// clear text would be a second way to read a request). Serve it on a listener
// of Limit.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	server := &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       readWithin,
		WriteTimeout:      answerWithin + 5*time.Second,
		// Longer than the minute for which proxies usually keep a connection, so
		// that it is they who close it, and not both at once.
		IdleTimeout:                  2 * time.Minute,
		MaxHeaderBytes:               32 << 10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(cmp.Or(log, slog.New(slog.DiscardHandler)).Handler(), slog.LevelWarn),
	}
	follow(server)
	return server
}

// farewell is how long a server that stops still takes requests, and ends each
// connection with the answer. A connection that is closed at once may have a
// request on its way, which nobody sends again.
const farewell = time.Second

// Serve runs a server until the context ends, then lets requests in flight
// finish for a while.
func Serve(ctx context.Context, group *errgroup.Group, server *http.Server, l net.Listener, drain time.Duration) {
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %v: %w", l.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		time.Sleep(farewell)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := server.Shutdown(late); err != nil {
			return errors.Join(fmt.Errorf("drain %v: %w", l.Addr(), err), server.Close())
		}
		return nil
	})
}
