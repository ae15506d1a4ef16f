package intake

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// How many connections are served at once. Each can hold 32 KiB of a body without
// asking, which is a quarter of DefaultBudget.
const (
	DefaultConnections = 2048
	// DefaultAddress is how many of them one address may have that are idle or have
	// signed nothing yet.
	DefaultAddress = 256
	// patience is how long a connection may have sent nothing that is signed before
	// it makes room for another one of its address.
	patience = time.Second
	// saturated is how long it counts that a connection made room for another one.
	saturated = time.Minute
)

// Limits say how many connections there may be; what is left out has a default.
type Limits struct {
	// All bounds all connections, Address those of one address, a /64 of IPv6.
	All, Address int
	// Allow.Networks are looked at when a connection is accepted. Those of Allow.Proxies
	// are exempt from that, and from Address.
	Allow   Allow
	Observe func(Closed) // told of what was closed for a limit; nil: nobody is
	Now     func() time.Time
}

// Closed says why a connection was closed before its end.
type Closed string

// The reasons.
const (
	Stranger Closed = "network" // its address is not on the list
	Idle     Closed = "idle"    // it made room while nothing was asked over it
	Slow     Closed = "slow"    // it made room before anything signed had come
	Full     Closed = "full"    // there was no room, and none could be made
)

// Connections is a listener that keeps strangers from taking all connections: the
// longest idle one makes room, then the one that has sent nothing signed for longest.
type Connections struct {
	net.Listener
	Limits

	mu   sync.Mutex
	open map[*connection]bool
	full time.Time // when room was last made, or not found
}

// connection is one of them. Its fields are guarded by the listener's mutex.
type connection struct {
	net.Conn
	of     *Connections
	from   netip.Addr // not valid for a proxy
	idle   bool
	signed bool // what is under way has a right signature
	since  time.Time
}

// Limit bounds the connections of a listener. Serve it with Server.
func Limit(l net.Listener, limits Limits) *Connections {
	limits.All, limits.Address = cmp.Or(limits.All, DefaultConnections), cmp.Or(limits.Address, DefaultAddress)
	if limits.Observe == nil {
		limits.Observe = func(Closed) {}
	}
	if limits.Now == nil {
		limits.Now = time.Now
	}
	return &Connections{Listener: l, Limits: limits, open: map[*connection]bool{}}
}

// Accept waits for the next connection that is let in.
func (c *Connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		own := &connection{Conn: conn, of: c, since: c.Now()}
		peer := addressOf(conn.RemoteAddr().String())
		if !within(c.Allow.Proxies, peer) {
			own.from = group(peer)
			if c.Allow.Networks != nil && !within(c.Allow.Networks(), peer) {
				c.Observe(Stranger)
				_ = conn.Close()
				continue
			}
		}
		if c.admit(own) {
			return own, nil
		}
		_ = conn.Close()
	}
}

// admit makes room where there is none.
func (c *Connections) admit(own *connection) bool {
	c.mu.Lock()
	victim, reason := c.victim(own)
	fits := victim != nil || len(c.open) < c.All
	if fits {
		delete(c.open, victim)
		c.open[own] = true
	} else {
		reason = Full
	}
	if !fits || victim != nil && len(c.open) >= c.All {
		c.full = own.since
	}
	c.mu.Unlock()
	if reason != "" {
		c.Observe(reason)
	}
	if victim != nil {
		_ = victim.Conn.Close()
	}
	return fits
}

// victim is the connection that makes room, if one has to: the longest idle one, or
// else the one that has sent nothing signed for longest. Those of proxies come last.
func (c *Connections) victim(own *connection) (victim *connection, reason Closed) {
	same, full := 0, len(c.open) >= c.All
	for other := range c.open {
		if other.from.IsValid() && other.from == own.from && !other.signed {
			same++
		}
	}
	crowded := same >= c.Address
	if !full && !crowded {
		return nil, ""
	}
	rank := func(x *connection) int {
		switch {
		case x.signed:
			return 0
		case !x.from.IsValid():
			return map[bool]int{true: 2, false: 1}[x.idle]
		case !x.idle:
			return 3
		}
		return 4
	}
	for other := range c.open {
		if rank(other) == 0 || crowded && other.from != own.from || !full && !other.idle && own.since.Sub(other.since) < patience {
			continue
		}
		if victim == nil || rank(other) > rank(victim) || rank(other) == rank(victim) && other.since.Before(victim.since) {
			victim, reason = other, map[bool]Closed{true: Idle, false: Slow}[other.idle]
		}
	}
	return victim, reason
}

// Open is how many connections there are.
func (c *Connections) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// Saturated says that a connection had to make room for another one of late, or found none.
func (c *Connections) Saturated() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.full.IsZero() && c.Now().Sub(c.full) < saturated
}

// Close takes the connection from the count.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// now notes what a connection does from now on.
func (c *connection) now(idle, signed bool) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.idle, c.signed, c.since = idle, signed, c.of.Now()
}

// connectionKey is where a request has its connection.
type connectionKey struct{}

func follow(server *http.Server) {
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if own, ok := conn.(*connection); ok && (state == http.StateIdle || state == http.StateActive) {
			own.now(state == http.StateIdle, false)
		}
	}
}

// isSigned notes that what is under way over a request's connection has a right signature.
func isSigned(r *http.Request) {
	if own, ok := r.Context().Value(connectionKey{}).(*connection); ok {
		own.now(false, true)
	}
}

// group is what counts as one address: IPv6 gives everybody a whole network.
func group(address netip.Addr) netip.Addr {
	if !address.Is6() {
		return address
	}
	network, err := address.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.Addr()
}

// flights counts the requests of each address behind the proxies that have no right
// signature yet.
type flights struct {
	mu sync.Mutex
	of map[netip.Addr]int
}

// enter says whether there may be one more, and gives what ends it.
func (f *flights) enter(address netip.Addr, most int) (leave func(), ok bool) {
	address = group(address)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of[address] >= most {
		return func() {}, false
	}
	if f.of == nil {
		f.of = map[netip.Addr]int{}
	}
	f.of[address]++
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.of[address]--; f.of[address] == 0 {
			delete(f.of, address)
		}
	}), true
}
