package ready

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"perch/activities/probe"
)

func TestTheTLSHandshakeNamesTheEnvironmentsHost(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	address := &url.URL{
		Scheme: "https",
		Host:   "example.com:" + strings.TrimPrefix(server.URL, "https://127.0.0.1:"),
	} // The host that httptest's certificate is for.
	client := probe.Client(address, "127.0.0.1", probe.Reach{}, answerTimeout)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
	var named string
	server.TLS.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		named = hello.ServerName
		return nil, nil
	}
	if status, problem, _ := ask(t.Context(), client, address.String()); status != http.StatusOK ||
		named != "example.com" {
		t.Errorf("answer %d %s, SNI %q", status, problem, named)
	}
}
