package leftovers

import "testing"

func TestHostsAreTheSameRegardlessOfCaseAndFinalDot(t *testing.T) {
	if !sameHost("Login.shop.localhost.", "login.shop.localhost") ||
		sameHost("login2.shop.localhost.", "login.shop.localhost") {
		t.Error("hosts are told apart wrongly")
	}
}
