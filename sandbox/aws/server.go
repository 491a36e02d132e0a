// Package aws is an HTTP endpoint that speaks the protocols of AWS: of CloudFormation, S3 and the
// other services that environments use. Any AWS client can use it. It answers calls that it does
// not implement with AWS's own errors.
package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"perch/sandbox/aws/cloudformation"
	"perch/sandbox/aws/s3"
	"perch/sandbox/aws/services"
	"perch/sandbox/aws/wire"
)

// Config configures the endpoint.
type Config struct {
	// Account is the 12-digit account id and Region the region of all resources; empty for
	// 123456789012 and eu-central-1.
	Account, Region string
	// Speed is how many seconds of AWS's typical times pass in one second; 0 means 1. Timestamps
	// stay real.
	Speed float64
	// Data is the folder in which state is stored; empty keeps it in memory.
	Data string
	// LoadBalancerDNS is the DNS name of every load balancer; empty gives each a name as AWS does.
	LoadBalancerDNS string
	// PostgreSQL is host:port of the PostgreSQL server that is behind every database; empty gives
	// each database an address where nothing answers.
	PostgreSQL string
	// Loopback gives instances, databases, buckets and queues addresses of this machine, because
	// AWS's names and addresses would lead to machines of other people.
	Loopback bool
	// EnforceIAM allows a role that a caller has assumed, and a stack's service role, only what
	// their policies allow. Calls that are signed with a key that is not from AssumeRole are an
	// administrator's.
	EnforceIAM bool
	// PageSize is the number of items in a page of CloudFormation's listings; 0 means 100.
	PageSize int
	// Addresses is the account's quota of Elastic IP addresses; 0 means 5.
	Addresses int
	// SkipCommands makes an unknown command that Run Command calls in a container succeed.
	// Otherwise it fails.
	SkipCommands bool
	// RulesOnHTTP makes Elastic Beanstalk also add a rule on port 80 for every environment with a
	// shared load balancer.
	RulesOnHTTP bool
	// Logger receives internal errors; nil discards them.
	Logger *slog.Logger
}

// taggingLag is how long the tagging API still lists a deleted resource: four of AWS's hours. On
// AWS it was minutes in aws/aws-cli#4173 and hours in boto/boto3#3341.
func (c Config) taggingLag() time.Duration {
	return time.Duration(float64(4*time.Hour) / cmp.Or(max(c.Speed, 0), 1))
}

// dnsLag is how long Route 53's name servers do not know a new record: 60 of AWS's seconds (API
// reference: ChangeResourceRecordSets, "generally within 60 seconds").
func (c Config) dnsLag() time.Duration {
	return time.Duration(float64(time.Minute) / cmp.Or(max(c.Speed, 0), 1))
}

// Server is the endpoint.
type Server struct {
	services map[string]http.Handler
	storage  *s3.Service
	others   *services.Service
	stacks   *cloudformation.Service
	faults   *faults
	calls    *calls
	grants   grants
	clock    clock
	close    []func() error

	account, region string
}

// New starts the endpoint. With Config.Data, it continues from the stored state.
func New(config Config) (*Server, error) {
	if config.Account == "" {
		config.Account = "123456789012"
	}
	if config.Region == "" {
		config.Region = "eu-central-1"
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{faults: &faults{}, calls: &calls{}, account: config.Account, region: config.Region}
	if err := s.wire(config); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// wire creates the services and registers their resource types with CloudFormation.
func (s *Server) wire(config Config) error {
	var err error
	s.storage, err = s3.New(s3.Config{
		Account: config.Account, Region: config.Region, Dir: folder(config.Data, "s3"), FailKey: s.faults.failKey,
		Logger:   config.Logger,
		Loopback: config.Loopback,
	})
	if err != nil {
		return fmt.Errorf("start S3: %w", err)
	}
	s.faults.refill = s.storage.Refill
	s.close = append(s.close, s.storage.Close)
	others, err := services.New(services.Config{
		Account: config.Account, Region: config.Region, Dir: folder(config.Data, "services"), Logger: config.Logger,
		LoadBalancerDNS: config.LoadBalancerDNS, PostgreSQL: config.PostgreSQL, Loopback: config.Loopback,
		ObjectExists: s.objectExists, Tagged: s.taggedBuckets,
		Storage: s.storage, Now: s.clock.now,
		EnforceIAM: config.EnforceIAM, Granted: s.grants.add, Denied: s.grants.deny,
		TaggingLag: config.taggingLag(), DNSLag: config.dnsLag(), Addresses: config.Addresses,
		RulesOnHTTP: config.RulesOnHTTP, SkipCommands: config.SkipCommands,
	})
	if err != nil {
		return fmt.Errorf("start services: %w", err)
	}
	s.others, s.faults.fail = others, others.FailDeployment
	s.close = append(s.close, others.Close)
	handlers := others.Handlers()
	maps.Copy(handlers, s.storage.Handlers())
	stacks, err := cloudformation.New(cloudformation.Config{
		Account: config.Account, Region: config.Region, Speed: config.Speed, Data: config.Data,
		PageSize: config.PageSize,
		Handlers: handlers, Faults: s.faults, ReadObject: s.readObject, Resolve: others.Resolve,
		RoleExists: others.RoleExists, Authorize: s.authorizeHandler, Logger: config.Logger, Now: s.clock.now,
	})
	if err != nil {
		return fmt.Errorf("start CloudFormation: %w", err)
	}
	s.close = append(s.close, stacks.Close)
	s.services = others.Services()
	s.services["s3"], s.services["cloudformation"], s.stacks = s.storage, stacks, stacks
	return nil
}

// Environments returns the Elastic Beanstalk environments that exist now, with the host names that
// lead to them.
func (s *Server) Environments() []services.Environment { return s.others.Environments() }

// Resources returns the tagged resources that exist now, with their tags.
func (s *Server) Resources() []services.Tagged { return s.others.Resources() }

func folder(data, name string) string {
	if data == "" {
		return ""
	}
	return filepath.Join(data, name)
}

func (s *Server) objectExists(bucket, key string) bool {
	_, err := s.readObject(context.Background(), bucket, key)
	return err == nil
}

// taggedBuckets returns the buckets with tags, for the tagging API. It includes those that were
// deleted after since.
func (s *Server) taggedBuckets(since time.Time) []services.Tagged {
	var out []services.Tagged
	add := func(name string, tags map[string]string) {
		if len(tags) > 0 {
			out = append(out, services.Tagged{ARN: "arn:aws:s3:::" + name, Tags: tags})
		}
	}
	for name, tags := range s.storage.Tags() {
		add(name, tags)
	}
	for _, deleted := range slices.Backward(s.storage.Deleted()) {
		if deleted.At.After(since) {
			add(deleted.Name, deleted.Tags)
		}
	}
	return out
}

// Close interrupts operations in progress, and saves their state.
func (s *Server) Close() error {
	var failed []error
	for i := len(s.close) - 1; i >= 0; i-- {
		failed = append(failed, s.close[i]())
	}
	s.close = nil
	return errors.Join(failed...)
}

// latency is the minimum duration of a call whose parameters are in its body. If the answer arrives
// before net/http has read the end of the request's body, smithy-go (v1.28.8,
// safeWriteToReadCloser.WriteTo) breaks the connection, and loses answers that are longer than a
// read buffer. AWS is never that fast.
const latency = 2 * time.Millisecond

// ServeHTTP answers calls of AWS's protocols. For tests, it also answers /_perch/faults,
// /_perch/calls and /_perch/clock.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/_perch/faults":
		s.serveFaults(w, r)
		return
	case "/_perch/calls":
		s.serveCalls(w, r)
		return
	case clockPath:
		s.serveClock(w, r)
		return
	}
	c, err := s.read(r)
	if err != nil {
		s.writeError(
			w, r, c,
			wire.Errorf(http.StatusBadRequest, "MalformedQueryString", "The request could not be read: %v", err),
		)
		return
	}
	s.calls.add(c)
	if c.protocol != s3Protocol {
		time.Sleep(latency)
	}
	fault, ok := s.faults.match(c)
	if ok && fault.When != After && fault.Stale == 0 {
		s.fail(w, r, c, fault)
		return
	}
	r, denial := s.authorize(r, c)
	switch {
	case denial != nil:
		s.writeError(w, r, c, denial)
		return
	case !ok:
		s.dispatch(w, r, c)
		return
	}
	if fault.Stale > 0 {
		lag := time.Duration(fault.Stale * float64(time.Second))
		s.dispatch(w, r.WithContext(wire.WithLag(r.Context(), lag)), c)
		return
	}
	s.dispatch(httptest.NewRecorder(), r, c)
	s.fail(w, r, c, fault)
}

// fail answers as the fault requires.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, c Call, fault Fault) {
	if fault.Drop {
		panic(http.ErrAbortHandler)
	}
	s.writeError(w, r, c, wire.Errorf(fault.Status, fault.Code, "%s", fault.Message))
}

func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, c Call) {
	service, ok := s.services[c.Service]
	if !ok {
		code := "InvalidAction"
		if c.protocol == jsonProtocol {
			code = "UnknownOperationException"
		}
		s.writeError(w, r, c, wire.Errorf(
			http.StatusBadRequest, code, "This endpoint does not have the service %q (operation %q)", c.Service,
			c.Action,
		))
		return
	}
	service.ServeHTTP(w, r)
}

// writeError answers with an error in the protocol of the call.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, c Call, err *wire.Error) {
	switch c.protocol {
	case jsonProtocol:
		wire.WriteJSONError(w, err)
	case s3Protocol:
		s.storage.WriteError(w, r, err)
	case ec2Protocol:
		wire.WriteEC2Error(w, err)
	default:
		wire.WriteQueryError(w, namespaces[c.Service], err)
	}
}

// readObject reads an object from the endpoint's S3.
func (s *Server) readObject(ctx context.Context, bucket, key string) ([]byte, error) {
	request := (&http.Request{
		Method: http.MethodGet, Host: "localhost", URL: &url.URL{Path: "/" + bucket + "/" + key}, Header: http.Header{},
		Body: http.NoBody,
	}).WithContext(ctx)
	recorder := httptest.NewRecorder()
	s.storage.ServeHTTP(recorder, request)
	switch recorder.Code {
	case http.StatusOK:
		return recorder.Body.Bytes(), nil
	case http.StatusForbidden:
		return nil, wire.Errorf(recorder.Code, "AccessDenied", "Access Denied")
	}
	return nil, wire.Errorf(recorder.Code, "NoSuchKey", "The specified key does not exist.")
}
