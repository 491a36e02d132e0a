// Package probe connects to environments and registries, and only where the worker may.
//
// Anyone who can push decides where the outputs of a custom template point, and the worker reaches
// hosts that they do not reach. A Reach says which IP addresses are allowed; it judges the address
// of each connection just before it is made, so no answer of DNS gets around it.
package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// Reach says at which IP addresses the worker connects to an environment.
type Reach struct {
	// Custom says that the environment's template is a custom one: the worker then connects to
	// public addresses only, and to those in the networks that the policy names as private.
	Custom bool
	// Private are these networks.
	Private []netip.Prefix
}

// unreachable says why the worker does not connect to an address. No retry fixes it.
type unreachable string

func (u unreachable) Error() string { return string(u) }

// Unreachable says why the worker did not connect; empty if a request failed for another reason.
func Unreachable(err error) string {
	var rejection unreachable
	errors.As(err, &rejection)
	return string(rejection)
}

// control is for a net.Dialer. It is told the address that is about to be connected to, so no
// answer of DNS gets around it.
func (r Reach) control(_, address string, _ syscall.RawConn) error {
	dialed, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return r.admit(dialed.Addr())
}

// admit rejects an address with a sentence. Link-local ones are rejected regardless of the policy:
// there machines keep what only they may know, such as the instance metadata of EC2, and no
// environment is there.
func (r Reach) admit(at netip.Addr) error {
	at = plain(at)
	switch {
	case at.IsLinkLocalUnicast() || machineLocal.Contains(at):
		return unreachable(fmt.Sprintf("%s is a link-local address: no environment is there", at))
	case r.Custom && !public(at) && !within(r.Private, at):
		return unreachable(fmt.Sprintf(
			"%s is no public address, and where a custom template leads there, the worker connects only "+
				"to what lies in the networks of `network.private` in its policy; let the template's outputs name a "+
				"public address, or add the network to the policy",
			at,
		))
	}
	return nil
}

// Registry rejects an address at which the worker asks no registry: one that is not public, unless
// it is in the policy's private networks. endpoint says that the policy names the address itself;
// link-local addresses are rejected even then.
func (r Reach) Registry(endpoint bool) func(netip.Addr) error {
	return func(at netip.Addr) error {
		at = plain(at)
		switch {
		case at.IsLinkLocalUnicast() || machineLocal.Contains(at):
			return unreachable(fmt.Sprintf("%s is a link-local address: no registry is there", at))
		case !endpoint && !public(at) && !within(r.Private, at):
			return unreachable(fmt.Sprintf("%s is not a public address; if the registry is in a network of yours, "+
				"add the network to `network.private` in the policy", at))
		}
		return nil
	}
}

var (
	// machineLocal is where EC2 has by IPv6 what it has at link-local addresses by IPv4 (AWS docs:
	// Use the Instance Metadata Service).
	machineLocal = netip.MustParsePrefix("fd00:ec2::/32")
	// translated is where a NAT gateway has the addresses of IPv4 for hosts that speak IPv6 only
	// (RFC 6052).
	translated = netip.MustParsePrefix("64:ff9b::/96")
	// unicast is what IANA gives out of IPv6 as public addresses, and reserved what is for another
	// use, beside what netip knows by its predicates (IANA: Special-Purpose Address Registries).
	unicast  = netip.MustParsePrefix("2000::/3")
	reserved = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
		netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("2001::/23"),
		netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
		netip.MustParsePrefix("3fff::/20"),
	}
)

// plain is the host that an address leads to: one of IPv4 where IPv6 only carries it, and without a
// zone, because a network contains no address that has one.
func plain(at netip.Addr) netip.Addr {
	at = at.WithZone("").Unmap()
	if translated.Contains(at) {
		bytes := at.As16()
		at, _ = netip.AddrFromSlice(bytes[12:]) // Four bytes are an address.
	}
	return at
}

func public(at netip.Addr) bool {
	return at.IsGlobalUnicast() && !at.IsPrivate() && (at.Is4() || unicast.Contains(at)) && !within(reserved, at)
}

func within(networks []netip.Prefix, at netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(at) })
}
