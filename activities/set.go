// Package activities has the side effects of Perch: its changes to stacks, buckets and environments
// on AWS, and its reads from the branch source. Package contract lists the activities; register.go
// pairs each with a method.
//
// Each activity takes one struct and returns one. They contain nothing secret and nothing large. An
// activity that changes something first checks that the stack belongs to the environment
// (stack/guard.go), because anyone who can reach Temporal can schedule it. The work is in engines,
// the packages below this one. A method here calls an engine and returns its result.
package activities

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/admit"
	"perch/activities/application"
	"perch/activities/branch"
	"perch/activities/cleanup"
	"perch/activities/doctor"
	"perch/activities/logs"
	"perch/activities/quota"
	"perch/activities/ready"
	"perch/activities/reporting"
	"perch/activities/seed"
)

// Source is the source of branches and files.
type Source = branch.Source

// Set has everything that a worker registers.
type Set struct {
	stacks       *Stacks
	requests     *Requests
	images       *Images
	apps         *Applications
	buckets      *Buckets
	seeds        *Seeds
	readiness    *Readiness
	databases    *Databases
	deletions    *Deletions
	verification *Verification
	cleanups     *Cleanups
	looks        *Looks
	reports      *Reports
	examinations *Examinations
	branches     *branch.Reader
	logs         *logs.Reader
}

// Stacks returns the activities on stacks, for code that calls them directly to read.
func (s *Set) Stacks() *Stacks { return s.stacks }

// Logs returns the reader of what environments have logged. It is not an activity, because logs
// must not go through Temporal.
func (s *Set) Logs() *logs.Reader { return s.logs }

// New returns the activities. interval is how often a waiting activity checks. channel delivers
// reports; nil if reports only go to the card. now returns the time that decides whether an
// environment has expired and a pin has ended.
func New(
	cfg aws.Config, policy *perch.Policy, source Source, interval time.Duration, channel reporting.Channel,
	now func() time.Time,
) *Set {
	var (
		branches = branch.NewReader(policy, source)
		stacks   = NewStacks(cfg, policy, source, interval)
		apps     = stacks.apps
		images   = admit.NewImages(cfg, policy, interval)
		quotas   = quota.NewReader(cfg)
		logged   = logs.NewReader(cfg)
		admitter = admit.New(cfg, admit.Config{
			Policy: policy, Branches: branches, Stacks: stacks.Reader, Applications: apps, Beanstalk: stacks.beanstalk,
			Images: images, Quotas: quotas, Removals: stacks.removals, Interval: interval, Waited: sinceScheduled,
		})
		planner = cleanup.NewPlanner(policy, branches, stacks.Reader, stacks.cards, now)
	)
	stacks.now = now
	seeds := seed.NewEnvironments(cfg, policy, stacks.Reader, apps, branches, interval)
	databases := application.NewDatabases(cfg, apps, interval)
	verification := newVerification(cfg, stacks, databases, interval)
	examinations := &Examinations{
		stacks: stacks, doctor: doctor.New(cfg, policy, source, doctor.ProjectOf(stacks.Reader, apps), quotas),
	}
	examinations.doctor.Reports, _ = channel.(doctor.Reports)
	examinations.doctor.Cards = func(ctx context.Context) ([]perch.Card, error) {
		listed, err := stacks.cards.ListAll(ctx)
		return listed.Cards, err
	}
	teller, _ := channel.(heldTeller)
	reporter := reporting.New(reporting.Config{
		Stacks: stacks.Reader, Cards: stacks.cards, Logs: logged, Leftovers: verification.verifier,
		Channel: channel, Bounds: policy.Expiry, Now: now,
	})
	return &Set{
		stacks: stacks, requests: &Requests{admitter, reporter}, images: &Images{images}, apps: &Applications{apps},
		buckets: newBuckets(cfg, stacks), seeds: &Seeds{seeds}, databases: &Databases{databases},
		readiness: &Readiness{ready.NewProber(cfg, ready.Config{
			Policy: policy, Stacks: stacks.Reader, Applications: apps, Beanstalk: stacks.beanstalk, Interval: interval,
		})},
		deletions: &Deletions{stacks.changer}, verification: verification, cleanups: &Cleanups{stacks, planner, teller},
		looks:        &Looks{policy, stacks, planner},
		reports:      &Reports{stacks, reporter},
		examinations: examinations, branches: branches, logs: logged,
	}
}
