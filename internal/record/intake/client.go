package intake

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Allow narrows down who may deliver. What is left out allows all.
type Allow struct {
	// Hooks are the ids of hooks. The header that tells it is not signed: this
	// keeps other hooks' deliveries out, and stops nobody who has the secret.
	Hooks []int64
	// Targets are what hooks are set up on, "repository/123" or
	// "organization/123". This header is not signed either.
	Targets []string
	// Networks gives the networks that deliveries come from, such as the list
	// "hooks" of GitHub's GET /meta. It is asked at each request; an empty list
	// lets nobody in.
	Networks func() []netip.Prefix
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
}

func (a Allow) validate() error {
	for _, id := range a.Hooks {
		if id < 1 {
			return fmt.Errorf("set allow list: hook id %d is not positive", id)
		}
	}
	for _, target := range a.Targets {
		kind, id, _ := strings.Cut(target, "/")
		if !word.MatchString(kind) || !number.MatchString(id) {
			return fmt.Errorf("set allow list: target %q is not like repository/123", target)
		}
	}
	for _, proxy := range a.Proxies {
		if !proxy.IsValid() || proxy.Bits() == 0 {
			return fmt.Errorf("set allow list: proxy network %v would let every client name its own address", proxy)
		}
	}
	return nil
}

// client is the address that a request comes from: that of the connection, or,
// where that is a known proxy, the right-most address of X-Forwarded-For that
// is not a known proxy. What stands further left was written by strangers. It
// is not valid where an address cannot be read.
func (a Allow) client(r *http.Request) netip.Addr {
	address := addressOf(r.RemoteAddr)
	var err error
	if !within(a.Proxies, address) {
		return address
	}
	var hops []string
	for _, line := range r.Header["X-Forwarded-For"] {
		hops = append(hops, strings.Split(line, ",")...)
	}
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if address, err = netip.ParseAddr(hop); err != nil {
			with, err := netip.ParseAddrPort(hop)
			if err != nil {
				return netip.Addr{}
			}
			address = with.Addr()
		}
		if address = address.Unmap(); !within(a.Proxies, address) {
			return address
		}
	}
	return address
}

// addressOf is a peer's address, not valid where it cannot be read.
func addressOf(peer string) netip.Addr {
	with, err := netip.ParseAddrPort(peer)
	if err != nil {
		return netip.Addr{}
	}
	return with.Addr().Unmap()
}

func within(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(address) })
}
