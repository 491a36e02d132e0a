// Package probe connects to environments and registries, and only to addresses that the worker may
// reach.
//
// Anyone who can push a branch controls the outputs of a custom template, and the worker can reach
// hosts that those people cannot. A Reach says which IP addresses are allowed. It checks the
// address of each connection just before the connection is made, so a DNS answer cannot bypass it.
package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// Reach says which IP addresses of an environment the worker connects to.
type Reach struct {
	// Custom means that the environment has a custom template. The worker then connects only to
	// public addresses, and to those in the networks of Private.
	Custom bool
	// Private are the networks that the policy names as private.
	Private []netip.Prefix
}

// unreachable says why the worker does not connect to an address. A retry does not help.
type unreachable string

func (u unreachable) Error() string { return string(u) }

// Unreachable returns why the worker did not connect; empty if a request failed for another reason.
func Unreachable(err error) string {
	var rejection unreachable
	errors.As(err, &rejection)
	return string(rejection)
}

// control is the Control function of a net.Dialer, which passes it the IP address just before it
// connects. So a DNS answer cannot bypass the check.
func (r Reach) control(_, address string, _ syscall.RawConn) error {
	dialed, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return r.admit(dialed.Addr())
}

// admit returns an error for an address that the worker must not connect to. It rejects link-local
// addresses regardless of the policy: they lead to services of the machine that the worker runs on,
// such as the instance metadata of EC2, and never to an environment.
func (r Reach) admit(at netip.Addr) error {
	at = plain(at)
	switch {
	case at.IsLinkLocalUnicast() || machineLocal.Contains(at):
		return unreachable(fmt.Sprintf("%s is a link-local address: no environment is there", at))
	case r.Custom && !public(at) && !within(r.Private, at):
		return unreachable(fmt.Sprintf(
			"%s is not a public address; for a custom template, the worker connects to such an address only if it "+
				"is in a network of `network.private` in its policy; let the template's outputs name a public "+
				"address, or add the network to the policy",
			at,
		))
	}
	return nil
}

// Registry returns a check that rejects an address of a registry unless it is public or in the
// policy's private networks. endpoint means that the policy itself names the address. Then only
// link-local addresses are rejected.
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
	// machineLocal is the IPv6 network of the services that EC2 offers at link-local addresses in
	// IPv4 (AWS docs: Use the Instance Metadata Service).
	machineLocal = netip.MustParsePrefix("fd00:ec2::/32")
	// translated is the network in which a NAT gateway represents IPv4 addresses, for hosts that
	// have only IPv6 (RFC 6052).
	translated = netip.MustParsePrefix("64:ff9b::/96")
	// unicast is what IANA assigns in IPv6 as public addresses. reserved are the networks for other
	// uses that the predicates of net/netip do not know (IANA: Special-Purpose Address Registries).
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

// plain returns the address of the host that at leads to: the IPv4 address if at is one in IPv6
// form. It drops the zone, because netip.Prefix contains no address with a zone.
func plain(at netip.Addr) netip.Addr {
	at = at.WithZone("").Unmap()
	if translated.Contains(at) {
		bytes := at.As16()
		at, _ = netip.AddrFromSlice(bytes[12:]) // It cannot fail: the slice has four bytes.
	}
	return at
}

func public(at netip.Addr) bool {
	return at.IsGlobalUnicast() && !at.IsPrivate() && (at.Is4() || unicast.Contains(at)) && !within(reserved, at)
}

func within(networks []netip.Prefix, at netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(at) })
}
