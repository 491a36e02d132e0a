package run

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/testing/freeport"

	"perch"
	"perch/config"
	"perch/sandbox/aws"
	"perch/sandbox/github"
	"perch/sandbox/page"
	images "perch/sandbox/registry"
	"perch/sandbox/temporal"
	workerrun "perch/worker/run"
)

const (
	// lookEvery is how often the worker checks what it waits for. It is short because AWS's time
	// runs faster here.
	lookEvery = 300 * time.Millisecond
	// stopTimeout is the time limit for open HTTP requests when the sandbox stops. dialTimeout is
	// the limit for connecting to a PostgreSQL.
	stopTimeout = 2 * time.Second
	dialTimeout = 5 * time.Second
)

// Sandbox is a running sandbox.
type Sandbox struct {
	project
	data       string
	policyFile string
	awsURL     string
	uiURL      string
	pagesPort  string
	// moved names the parts that listen on a free port because their default port is taken.
	moved []string
	// registryURL is the address of registry, which answers in place of every other registry.
	registryURL string
	registry    *images.Registry
	// read is the address and token of the read API of the worker in this process; the zero value
	// means that there is none.
	read workerrun.ReadConfig
	// dashboardURL is the address of the dashboard; empty if there is no worker to read from.
	dashboardURL string
	dashboard    net.Listener
	// githubURL is the address of github; both are empty if the repository is not on the imitation
	// of GitHub.
	githubURL string
	github    *github.Server
	temporal  *temporal.Server
	aws       *aws.Server
	// worker receives the error with which the worker in this process ends; nil if there is no
	// worker.
	worker <-chan error
	close  []func() error
}

// open starts everything except the worker. If a part does not start, it stops those that it has
// started.
func open(ctx context.Context, o options) (s *Sandbox, err error) {
	s = &Sandbox{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := checkPostgreSQL(ctx, o.postgres); err != nil {
		return s, err
	}
	ports, err := s.listen(&o)
	if err != nil {
		return s, err
	}
	if err := s.keep(o.data); err != nil {
		return s, err
	}
	if s.project, err = openProject(ctx, o, s.data); err != nil {
		return s, err
	}
	if o.hub {
		if err := s.serveGitHub(ports.github); err != nil {
			return s, err
		}
		s.source = perch.Source{GitHub: &perch.GitHubSource{Repository: github.Name, BaseURL: s.githubURL}}
	}
	s.policyFile = filepath.Join(s.data, "policy.yaml")
	if err := writePolicy(s.project, s.policyFile, s.pagesPort, s.registryURL); err != nil {
		return s, err
	}
	if s.temporal, err = temporal.Start(temporal.Config{Port: o.temporal, Dir: o.data}); err != nil {
		return s, err
	}
	s.closing(func() error { return s.temporal.Stop() }) // s.temporal may be another server by then.
	ui, err := temporal.UI(s.temporal.Address())
	if err != nil {
		return s, err
	}
	s.serve(ports.ui, ui)
	if err := s.serveAWS(o, ports.aws); err != nil {
		return s, err
	}
	if err := s.servePages(ports.pages); err != nil {
		return s, err
	}
	if err := s.serveRegistry(o, ports.registry); err != nil {
		return s, err
	}
	if o.repo == "" {
		if err := makeDemoSecret(ctx, s.awsConfig()); err != nil {
			return s, err
		}
	}
	return s, s.writeExports()
}

// checkPostgreSQL returns an error if nothing listens at address, before any part is started.
// address may be empty.
func checkPostgreSQL(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("no PostgreSQL answers at %s (%w): start it, or correct --postgres", address, err)
	}
	return connection.Close()
}

// listeners are the ports on which the sandbox itself listens.
type listeners struct {
	aws, pages, ui, registry, github, dashboard net.Listener
}

// listen opens every port before anything starts, so that a taken port is reported at once.
func (s *Sandbox) listen(o *options) (taken listeners, err error) {
	for _, p := range []struct {
		port     port
		listener *net.Listener
		wanted   bool
	}{
		{o.port("--aws-port", "the AWS endpoint", o.aws), &taken.aws, true},
		{o.port("--web-port", "the environments' pages", o.pages), &taken.pages, true},
		{o.port("--ui-port", "the Temporal UI", o.ui), &taken.ui, true},
		{o.port("--dashboard-port", "the dashboard", o.dashboard), &taken.dashboard, o.worker},
		{o.port("--registry-port", "the registry", o.registry), &taken.registry, true},
		{o.port("--github-port", "GitHub", o.github), &taken.github, o.hub},
	} {
		if !p.wanted {
			continue
		}
		if *p.listener, err = s.take(p.port); err != nil {
			return listeners{}, err
		}
	}
	number, moved, err := o.port("--temporal-port", "Temporal", o.temporal).free()
	if err != nil {
		return listeners{}, err
	}
	o.temporal = number
	s.note(moved)
	if o.worker {
		s.read = newReadConfig()
	}
	s.awsURL, s.uiURL = fmt.Sprintf("http://%s", taken.aws.Addr()), fmt.Sprintf("http://%s", taken.ui.Addr())
	s.registryURL = fmt.Sprintf("http://%s", taken.registry.Addr())
	s.pagesPort = strconv.Itoa(portOf(taken.pages))
	if s.dashboard = taken.dashboard; s.dashboard != nil {
		s.dashboardURL = fmt.Sprintf("http://%s", s.dashboard.Addr())
	}
	if taken.github != nil {
		s.githubURL = fmt.Sprintf("http://%s", taken.github.Addr())
	}
	return taken, nil
}

// newReadConfig returns a free address for a worker's read API, and a token.
func newReadConfig() workerrun.ReadConfig {
	return workerrun.ReadConfig{
		Address: net.JoinHostPort(localhost, strconv.Itoa(freeport.MustGetFreePort())), Token: rand.Text(),
	}
}

// take listens on a port until the sandbox closes.
func (s *Sandbox) take(p port) (net.Listener, error) {
	listener, moved, err := p.listen()
	if err == nil {
		s.note(moved)
		s.closing(func() error { return ignoreClosed(listener.Close()) })
	}
	return listener, err
}

func (s *Sandbox) note(moved string) {
	if moved != "" {
		s.moved = append(s.moved, moved)
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// keep creates the data folder and locks it. A temporary folder is deleted when the sandbox closes.
func (s *Sandbox) keep(data string) error {
	if data == "" {
		dir, err := os.MkdirTemp("", "perch-sandbox-")
		if err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
		s.data = dir
		s.closing(func() error { return os.RemoveAll(dir) })
	} else {
		dir, err := filepath.Abs(data)
		if err != nil {
			return fmt.Errorf("find data folder: %w", err)
		}
		s.data = dir
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
	}
	lock, err := lockFolder(s.data)
	if err != nil {
		return err
	}
	s.closing(lock.Close)
	return nil
}

func (s *Sandbox) serveAWS(o options, listener net.Listener) error {
	var err error
	cfg := aws.Config{
		Account:         account,
		Region:          region,
		Speed:           o.speed,
		LoadBalancerDNS: domain,
		PostgreSQL:      o.postgres,
		Loopback:        true,
		EnforceIAM:      true,
		SkipCommands:    o.run == skipUnknown,
	}
	if o.data != "" {
		cfg.Data = filepath.Join(s.data, "aws")
	}
	if s.aws, err = aws.New(cfg); err != nil {
		return fmt.Errorf("start AWS endpoint: %w", err)
	}
	s.closing(s.aws.Close)
	s.serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == exportsPath {
			s.serveExports(w, r)
			return
		}
		s.aws.ServeHTTP(w, r)
	}))
	return nil
}

// serveRegistry serves the registry. It has those images of the demo that perch.yaml names.
func (s *Sandbox) serveRegistry(o options, listener net.Listener) error {
	s.registry = images.New(images.Config{Strict: o.images == strictly, Fault: s.aws.RegistryFault})
	s.serve(listener, s.registry)
	if o.repo != "" {
		return nil
	}
	demo, err := demoImages(s.project.repo)
	if err != nil {
		return err
	}
	for _, image := range demo {
		if _, err := s.registry.Put(image, perch.ArchitectureAMD, perch.ArchitectureARM); err != nil {
			return fmt.Errorf("put the images of the demo: %w", err)
		}
	}
	return nil
}

func (s *Sandbox) servePages(listener net.Listener) error {
	progress, err := s.environmentProgress()
	if err != nil {
		return err
	}
	s.serve(listener, page.New(page.Config{
		Environments: s.aws.Environments, Progress: progress, S3: s3.NewFromConfig(s.awsConfig()),
	}))
	return nil
}

// serve serves handler on listener until the sandbox closes.
func (s *Sandbox) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	go func() { _ = server.Serve(listener) }() // Serve ends when the listener is closed.
	s.closing(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close()
		}
		return nil
	})
}

// awsConfig returns the configuration with which Go clients reach the endpoint.
func (s *Sandbox) awsConfig() awssdk.Config {
	return awssdk.Config{
		Region: region, BaseEndpoint: &s.awsURL,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, accessKey, ""),
	}
}

// startWorker runs the same worker as in production, in this process.
func (s *Sandbox) startWorker(logs io.Writer) error {
	data, err := os.ReadFile(s.policyFile)
	if err != nil {
		return fmt.Errorf("read policy: %w", err)
	}
	policy, err := config.ReadPolicy(s.policyFile, data)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- workerrun.Run(ctx, workerrun.Config{
			Policy: policy, AWS: s.awsConfig(), Interval: lookEvery, Logger: logger, Env: lookup(s.exports(), nothing),
			Now: s.aws.Now, Read: s.read,
			Temporal: client.Options{HostPort: s.temporal.Address(), Logger: workerrun.TemporalLogger(logger)},
		})
		close(ended)
	}()
	s.worker = ended
	s.closing(func() error {
		stop()
		return <-ended
	})
	return nil
}

func (s *Sandbox) writeExports() error {
	data, err := json.Marshal(s.exports())
	if err == nil {
		err = os.WriteFile(filepath.Join(s.data, exportsFile), data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write exports: %w", err)
	}
	return nil
}

func (s *Sandbox) closing(close func() error) { s.close = append(s.close, close) }

// Close stops everything, in reverse order.
func (s *Sandbox) Close() error {
	var failed []error
	for i := len(s.close) - 1; i >= 0; i-- {
		failed = append(failed, s.close[i]())
	}
	s.close = nil
	return errors.Join(failed...)
}
