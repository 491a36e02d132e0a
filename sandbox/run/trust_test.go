package run

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"perch"
)

// TestWhatTemporalDoesNotAcceptIsOneSentence runs the worker and the starter with credentials and
// settings that Temporal rejects.
func TestWhatTemporalDoesNotAcceptIsOneSentence(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	valid, expired := newCertificate(t, time.Now().Add(time.Hour)), newCertificate(t, time.Now().Add(-time.Hour))
	for name, c := range map[string]struct {
		variables map[string]string
		want      string
	}{
		"a wrong API key": {
			map[string]string{
				"TEMPORAL_ADDRESS": closed(t, valid, nil), "TEMPORAL_TLS_SERVER_CA_CERT_PATH": valid.file,
				"TEMPORAL_API_KEY": "wrong",
			},
			"the credentials are rejected by Temporal (the API key is not known): set TEMPORAL_API_KEY, or " +
				"TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace",
		},
		"a wrong API key at a server that tells anybody its version": {
			map[string]string{
				"TEMPORAL_ADDRESS":                 closed(t, valid, &workflowservice.GetSystemInfoResponse{}),
				"TEMPORAL_TLS_SERVER_CA_CERT_PATH": valid.file, "TEMPORAL_API_KEY": "wrong",
			},
			"the credentials are rejected by Temporal (the API key is not known): set TEMPORAL_API_KEY, or " +
				"TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace",
		},
		"an expired certificate": {
			map[string]string{
				"TEMPORAL_ADDRESS": closed(t, expired, nil), "TEMPORAL_TLS_SERVER_CA_CERT_PATH": expired.file,
				"TEMPORAL_API_KEY": "right",
			},
			"the certificate of Temporal has expired (" + expired.until.UTC().Format(time.RFC3339) +
				") or is not valid yet: renew it there, or set this machine's clock right",
		},
		"a namespace that is missing": {
			map[string]string{"TEMPORAL_NAMESPACE": "perhc"},
			`namespace "perhc" is not there: make it in Temporal, or set TEMPORAL_NAMESPACE to one that is`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, command := range [][]string{
				{"perch-worker"}, {"perch", "ls"}, {"perch", "up", "main"}, {"perch", "schedule", "ensure"},
			} {
				c.variables["PERCH_READ_API"] = "" // The starter must ask Temporal, not the read API.
				out := b.execute(t, c.variables, command...)
				said := strings.TrimSpace(out.stderr)
				if out.exit != 1 || !strings.Contains(said, c.want) ||
					!strings.HasPrefix(lastLine(said), command[0]+": ") {
					t.Errorf("%v: exit code %d, want 1 and %q in:\n%s", command, out.exit, c.want, said)
				}
			}
		})
	}
}

// TestAPolicyForAnotherAccountIsOneSentence starts a worker whose policy is for another account
// than its credentials. The worker stops. A starter that finds no worker refers to its log
// (TestAPlanWantsAWorker).
func TestAPolicyForAnotherAccountIsOneSentence(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newRepository(t, "elsewhere", map[string]string{"perch.yaml": "project: elsewhere\n"})
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	own := project{
		name: b.project, source: perch.Source{Git: b.repo.dir}, repo: b.repo.dir,
		repository: perch.NormalizeRepository(b.repo.dir), defaultBranch: "main",
	}
	if err := writePolicy(own, policy, b.pagesPort, b.registryURL); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(policy)
	if err == nil {
		err = os.WriteFile(policy, []byte(strings.ReplaceAll(string(text), account, "999999999999")), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"PERCH_POLICY": policy, "PERCH_PROJECT": b.project}
	out := b.execute(t, variables, "perch-worker")
	if want := "perch-worker: the AWS credentials are for account " + account + " and the policy is for " +
		"999999999999: nothing was done; use the right profile or correct `account` in the policy"; out.exit != 1 ||
		lastLine(out.stderr) != want {
		t.Errorf("exit code %d: %s", out.exit, out.stderr)
	}
}

// execute runs a program to its end, with the sandbox's exports, overridden by variables.
func (b *bench) execute(t *testing.T, variables map[string]string, command ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := exec.CommandContext(ctx, command[0], command[1:]...)
	p.Env = b.environment(t, variables)
	var stdout, stderr strings.Builder
	p.Stdout, p.Stderr = &stdout, &stderr
	var failed *exec.ExitError
	if err := p.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return output{exit: p.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// environment returns the environment of a shell with the sandbox's exports, overridden by
// variables.
func (b *bench) environment(t *testing.T, variables map[string]string) []string {
	t.Helper()
	all := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for _, e := range b.exports() {
		all = append(all, e.Name+"="+e.Value)
	}
	for name, value := range variables {
		all = append(all, name+"="+value) // If a name occurs twice, the last value counts.
	}
	return all
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// certificate is a self-signed certificate for 127.0.0.1.
type certificate struct {
	tls   tls.Certificate
	file  string
	until time.Time
}

func newCertificate(t *testing.T, until time.Time) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "temporal"}, NotBefore: until.Add(-24 * time.Hour),
		NotAfter:    until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return certificate{
		tls: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file: file,
		until: until.Truncate(time.Second),
	}
}

// closed is the address of a gRPC server that answers only clients with the key `right`, as
// Temporal Cloud does. Where info is given, anybody gets that for GetSystemInfo, as Temporal's own
// default authorizer allows.
func closed(t *testing.T, c certificate, info *workflowservice.GetSystemInfoResponse) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(
		credentials.NewServerTLSFromCert(&c.tls),
	), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		if info != nil && strings.HasSuffix(method, "/GetSystemInfo") {
			if err := stream.RecvMsg(&workflowservice.GetSystemInfoRequest{}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			return stream.SendMsg(info)
		}
		if known, _ := metadata.FromIncomingContext(stream.Context()); strings.Join(
			known.Get("authorization"), "",
		) == "Bearer right" {
			return status.Error(codes.Unimplemented, "the key is right, and there is nothing behind the door")
		}
		return status.Error(codes.Unauthenticated, "the API key is not known.")
	}))
	go func() { _ = server.Serve(listener) }() // Serve ends when the server is stopped.
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}
