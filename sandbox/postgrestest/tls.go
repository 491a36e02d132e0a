//go:build !windows

package postgrestest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// encrypted are the logins of a server that rejects connections without TLS, except on its socket.
const encrypted = "local all all trust\nhostssl all all all scram-sha-256\n"

// requireTLS gives the server a self-made certificate and rejects connections without TLS.
func (s *Server) requireTLS(t testing.TB) {
	t.Helper()
	certificate, key := selfSigned(t)
	for name, content := range map[string][]byte{
		"pg_hba.conf": []byte(encrypted), "server.crt": certificate, "server.key": key,
	} {
		s.write(t, filepath.Join(s.dir, "data", name), content)
	}
}

// write writes a file that only the server's user can read, as PostgreSQL wants of its key.
func (s *Server) write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.owner == nil {
		return
	}
	if err := os.Chown(path, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
		t.Fatal(err)
	}
}

// selfSigned is a certificate of an hour with its key, both as PEM.
func selfSigned(t testing.TB) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	like := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour)}
	certificate, err = x509.CreateCertificate(rand.Reader, like, like, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err = x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
}
