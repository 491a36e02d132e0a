package probe

import (
	"net/url"
	"testing"
)

func TestPortsComeFromTheSchemeIfTheAddressHasNone(t *testing.T) {
	for address, want := range map[string]string{
		"http://login.shop.localhost": "127.0.0.1:80", "https://login.shop.localhost": "127.0.0.1:443",
	} {
		parsed, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := dialed(parsed, "127.0.0.1"); got != want {
			t.Errorf("%s dials %s, want %s", address, got, want)
		}
	}
	if got := dialed(&url.URL{Scheme: "https", Host: "login.shop.localhost"}, ""); got != "login.shop.localhost:443" {
		t.Errorf("without an endpoint it dials %s", got)
	}
}
