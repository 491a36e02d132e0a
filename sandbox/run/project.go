package run

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"perch"
	"perch/config"
	"perch/sandbox/aws/services"
	"perch/source"
)

const (
	account   = "000000000000"
	region    = "eu-central-1"
	accessKey = "sandbox"
	domain    = "localhost"
)

// project is what the sandbox works on: a checkout, one of its branches, and what perch.yaml on
// that branch configures.
type project struct {
	name          string
	repo          string
	repository    string
	defaultBranch string
	// source says where the worker reads the repository.
	source perch.Source
	branch string
	kind   perch.Kind
	// registries are the hosts of the images in perch.yaml.
	registries []string
	// shared means that there is a PostgreSQL server for the shared database.
	shared bool
}

// openProject reads the checkout that the options name, or creates the demo repository.
func openProject(ctx context.Context, o options, data string) (project, error) {
	dir := o.repo
	if dir == "" {
		dir = filepath.Join(data, "demo", "shop")
		if err := makeDemo(dir); err != nil {
			return project{}, err
		}
	}
	checkout, err := source.OpenCheckout(dir)
	if err != nil {
		return project{}, err
	}
	p := project{
		source: perch.Source{Git: checkout.Dir}, repo: checkout.Dir, repository: repositoryOf(checkout),
		defaultBranch: checkout.DefaultBranch, branch: o.branch, shared: o.postgres != "",
	}
	if p.branch == "" {
		if p.branch, err = checkout.Branch(); err != nil {
			return project{}, err
		}
	}
	file, err := readConfig(ctx, checkout, p.branch)
	if err != nil {
		return project{}, err
	}
	p.name, p.kind = file.Project, file.Kind(p.branch)
	p.registries = registriesOf(file)
	return p, nil
}

func repositoryOf(checkout *source.Checkout) string {
	if checkout.Origin != "" {
		return perch.NormalizeRepository(checkout.Origin)
	}
	return perch.NormalizeRepository(checkout.Dir)
}

// readConfig reads perch.yaml as committed at the head of branch.
func readConfig(ctx context.Context, checkout *source.Checkout, branch string) (*config.File, error) {
	commit, found, err := checkout.Head(ctx, branch)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, noBranch(checkout, branch)
	}
	data, found, err := checkout.File(ctx, commit, config.FileName)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("branch %s of %s has no %s: write one with `go run ./starter config init --repo %s`, "+
			"commit it and start again", branch, checkout.Dir, config.FileName, checkout.Dir)
	}
	return config.Read(config.FileName, data)
}

// noBranch returns the error that branch has no commit in the checkout, or that no branch has one
// yet.
func noBranch(checkout *source.Checkout, branch string) error {
	names, err := checkout.Names()
	switch {
	case err != nil:
		return err
	case len(names) == 0:
		return fmt.Errorf("%s has no commit yet: write %s with `go run ./starter config init --repo %s`, commit it "+
			"(`git add %s`, `git commit`) and start again",
			checkout.Dir, config.FileName, checkout.Dir, config.FileName)
	}
	return fmt.Errorf("%s has no branch %q; name another with --branch", checkout.Dir, branch)
}

// Kinds of registries: in a stand-in every image exists, in a strict one only those that were
// pushed.
const (
	standIn  = "stand-in"
	strictly = "strict"
)

// skipUnknown skips commands of run steps that the sandbox does not know; strictly makes them fail.
const skipUnknown = "skip"

// registriesOf returns the hosts of the images that the file names for any branch. The policy lists
// these hosts, so that Perch checks every image before it is deployed.
func registriesOf(file *config.File) []string {
	var hosts []string
	for _, sample := range file.Samples() {
		host, _, found := strings.Cut(sample.Settings.Image, "/")
		if found && strings.ContainsAny(host, ".:") && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// loopback has the addresses where the sandbox serves every environment, including those of custom
// templates.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// writePolicy writes the policy file of a worker that serves p in this sandbox. It allows a shared
// database only if there is a real server.
func writePolicy(p project, file, pages, registry string) error {
	everyone := []string{"*"}
	policy := perch.Policy{
		Account: account, Region: region, Project: p.name, Repository: p.repository, Source: p.source,
		DefaultBranch: p.defaultBranch,
		Domain:        domain, HostedZone: services.HostedZone, URL: "http://{host}:" + pages,
		Network: perch.Network{VPC: services.VPC, Subnets: services.Subnets, Private: loopback},
		Kinds: map[perch.Kind][]string{
			perch.KindProduction: everyone, perch.KindStaging: everyone, perch.KindBranch: everyone,
		},
		Secrets: perch.PolicySecrets{From: []string{"arn:aws:secretsmanager:", "arn:aws:ssm:"}},
		Cleanup: perch.PolicyCleanup{Grace: 10 * time.Second},
	}
	if p.source.GitHub != nil {
		policy.Triggers = []perch.Trigger{perch.TriggerCI, perch.TriggerWebhook}
	}
	policy.Images = perch.PolicyImages{Endpoint: registry, Registries: policy.DefaultRegistries()}
	for _, host := range p.registries {
		if !slices.Contains(policy.Images.Registries, host) {
			policy.Images.Registries = append(policy.Images.Registries, host)
		}
	}
	if p.shared {
		policy.SharedDatabase = &perch.SharedDatabase{
			Version:    perch.DefaultPostgreSQL,
			Class:      "db.t4g.medium",
			StorageGB:  50,
			BackupDays: 7,
		}
	}
	data, err := yaml.Marshal(policy)
	if err != nil {
		return fmt.Errorf("write policy: %w", err)
	}
	head := "# The policy of the sandbox's worker: it lets every branch have every kind, because nothing here costs " +
		"anything.\n"
	if err := os.WriteFile(file, append([]byte(head), data...), 0o600); err != nil {
		return fmt.Errorf("write policy: %w", err)
	}
	return nil
}
