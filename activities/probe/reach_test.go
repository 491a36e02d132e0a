package probe

import (
	"net/netip"
	"strings"
	"testing"

	"perch/activities/activitytest"
)

func TestACustomTemplateLeadsToPublicAddressesOnly(t *testing.T) {
	for address, public := range map[string]bool{
		"3.120.0.1": true, "172.32.0.1": true, "192.167.0.1": true, "100.128.0.1": true, "2a05:d014::1": true,
		"2001:4860:4860::8888": true,
		"::ffff:3.120.0.1":     true, "64:ff9b::3.120.0.1": true,
		"127.0.0.1": false, "127.255.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false,
		"100.64.0.1":  false, "100.127.255.255": false, "0.0.0.0": false, "0.1.2.3": false, "192.0.0.8": false,
		"192.0.2.1": false, "192.88.99.1": false,
		"198.18.0.1": false, "198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false,
		"240.0.0.1": false, "255.255.255.255": false,
		"::1": false, "::": false, "::10.0.0.1": false, "fc00::1": false, "fd12:3456:789a::1": false,
		"fd12::1%eth0": false, "fec0::1": false, "ff02::1": false,
		"100::1": false, "2001::1": false, "2001:db8::1": false, "2002:a00:1::1": false, "3fff::1": false,
		"64:ff9b:1::10.0.0.1": false,
		"::ffff:10.0.0.1":     false, "::ffff:127.0.0.1": false, "64:ff9b::10.0.0.1": false,
		"64:ff9b::127.0.0.1": false,
	} {
		at := netip.MustParseAddr(address)
		if err := (Reach{Custom: true}).admit(at); (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		} else if err != nil {
			activitytest.WantWords(t, err.Error(), plain(at).String()+" is not a public address", "`network.private`")
		}
		if err := (Reach{}).admit(at); err != nil {
			t.Errorf("%s is rejected where Perch's own template leads there: %v", address, err)
		}
	}
}

func TestThePolicyNamesPrivateNetworks(t *testing.T) {
	allowed := Reach{
		Custom:  true,
		Private: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd12:3456:789a::/48")},
	}
	for address, admitted := range map[string]bool{
		"10.20.255.1": true, "::ffff:10.20.0.1": true, "64:ff9b::10.20.0.1": true, "fd12:3456:789a::1": true,
		"fd12:3456:789a::1%eth0": true,
		"10.21.0.1":              false, "fd12:3456:789b::1": false, "127.0.0.1": false,
	} {
		if err := allowed.admit(netip.MustParseAddr(address)); (err == nil) != admitted {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestNoPolicyAllowsALinkLocalAddress(t *testing.T) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, address := range []string{
		"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fe80::1", "fe80::1%lo",
		"fd00:ec2::254", "fd00:ec2::254%lo",
	} {
		for _, allowed := range []Reach{{}, {Custom: true}, {Custom: true, Private: everything}} {
			if err := allowed.admit(netip.MustParseAddr(address)); err == nil ||
				!strings.HasSuffix(err.Error(), "is a link-local address: no environment is there") {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
}
