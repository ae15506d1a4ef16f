package intake

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
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

// Connections is a listener that keeps strangers from taking all connections. Whoever
// signs nothing makes room: first who has taken longer than a request does, then one of
// the address that has most of them. An idle one does where more than half are; or else
// last, since another delivery may be on its way over it.
type Connections struct {
	net.Listener
	Limits

	mu        sync.Mutex
	open      map[*connection]bool
	addresses map[netip.Addr]*address
	all       address
	full      time.Time // when room was last made, or not found
}

// address is how many connections it has in each state.
type address [3]int

// The states of a connection.
const (
	unsigned = iota // it has sent nothing signed yet
	idle            // nothing is asked over it
	signed          // what is under way has a right signature
)

// connection is one of them. Its fields are guarded by the listener's mutex.
type connection struct {
	net.Conn
	of      *Connections
	from    netip.Addr
	address *address // nil for a proxy
	state   int
	since   time.Time
}

// Limit bounds the connections of a listener. Serve it with Server.
func Limit(l net.Listener, limits Limits) *Connections {
	limits.All, limits.Address = cmp.Or(limits.All, roomFor(DefaultConnections)), cmp.Or(limits.Address, DefaultAddress)
	if limits.Observe == nil {
		limits.Observe = func(Closed) {}
	}
	if limits.Now == nil {
		limits.Now = time.Now
	}
	return &Connections{Listener: l, Limits: limits, open: map[*connection]bool{}, addresses: map[netip.Addr]*address{}}
}

// ownFiles is how many files the ledger and all else but connections may need.
const ownFiles = 128

// roomFor is how many connections there may be where so many are wanted, and a process
// may only open so many files.
func roomFor(most uint64) int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		most = min(most, max(files.Cur, 2*ownFiles)-ownFiles)
	}
	return int(most)
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
			own.from, own.address = group(peer), new(address)
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
	if known := c.addresses[own.from]; known != nil && own.address != nil {
		own.address = known
	}
	victim, reason := c.victim(own)
	fits := victim != nil || len(c.open) < c.All
	if !fits || victim != nil && len(c.open) >= c.All {
		c.full = own.since
	}
	if victim != nil {
		c.remove(victim)
	}
	if fits {
		c.add(own)
	} else {
		reason = Full
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

func (c *Connections) add(own *connection) {
	c.open[own] = true
	if own.address != nil {
		c.addresses[own.from] = own.address
		own.address[own.state]++
		c.all[own.state]++
	}
}

func (c *Connections) remove(own *connection) {
	delete(c.open, own)
	if own.address != nil {
		own.address[own.state]--
		c.all[own.state]--
		if *own.address == (address{}) {
			delete(c.addresses, own.from)
		}
	}
}

// The ranks of connections: the highest one makes room.
const (
	stays         = iota
	proxyUnsigned // its patience is the proxy's matter
	proxyIdle
	spared // idle
	fresh  // it may be about to sign
	stale  // it has taken longer than a request does
	idler  // idle, as more than half are
)

// victim is the connection that makes room, if one has to.
func (c *Connections) victim(own *connection) (victim *connection, reason Closed) {
	full, crowded := len(c.open) >= c.All, own.address != nil && own.address[unsigned]+own.address[idle] >= c.Address
	if !full && !crowded {
		return nil, ""
	}
	manyIdle := c.all[idle] > c.All/2
	if crowded {
		manyIdle = own.address[idle] > c.Address/2
	}
	rank := func(x *connection) int {
		switch {
		case x.state == signed || crowded && x.address != own.address:
			return stays
		case x.address == nil:
			return proxyUnsigned + x.state
		case x.state == idle && manyIdle:
			return idler
		case x.state == idle:
			return spared
		case own.since.Sub(x.since) >= patience:
			return stale
		case !full:
			return stays
		}
		return fresh
	}
	most := stays
	for other := range c.open {
		of := rank(other)
		switch {
		case of == stays || of < most:
			continue
		case of > most:
		case of == fresh && other.address[unsigned] != victim.address[unsigned]:
			if other.address[unsigned] < victim.address[unsigned] {
				continue
			}
		case !other.since.Before(victim.since):
			continue
		}
		most, victim, reason = of, other, map[bool]Closed{true: Idle, false: Slow}[other.state == idle]
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
	if c.of.open[c] {
		c.of.remove(c)
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// now notes what a connection does from now on, if it has not made room for another.
func (c *connection) now(state int) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.open[c] {
		c.of.remove(c)
		c.state, c.since = state, c.of.Now()
		c.of.add(c)
	}
}

// connectionKey is where a request has its connection.
type connectionKey struct{}

func follow(server *http.Server) {
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		own, ok := conn.(*connection)
		switch {
		case ok && state == http.StateIdle:
			own.now(idle)
		case ok && state == http.StateActive:
			own.now(unsigned)
		}
	}
}

// isSigned notes that what is under way over a request's connection has a right signature.
func isSigned(r *http.Request) {
	if own, ok := r.Context().Value(connectionKey{}).(*connection); ok {
		own.now(signed)
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
