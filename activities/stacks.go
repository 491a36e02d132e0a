package activities

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/application"
	"perch/activities/beanstalk"
	"perch/activities/card"
	"perch/activities/change"
	"perch/activities/leftovers"
	"perch/activities/stack"
)

// Stacks has the activities on CloudFormation stacks.
type Stacks struct {
	*stack.Reader

	policy *perch.Policy
	// changer changes the stacks.
	changer *change.Changer
	// apps reads what Admit stored. cards has the cards of environments, and removals the records
	// of removals in them.
	apps      *application.Stacks
	beanstalk *beanstalk.Client
	cards     *card.Store
	removals  *leftovers.Records
	// now returns the time that decides whether an environment has expired and a pin has ended.
	now func() time.Time
}

// NewStacks returns the activities on stacks. interval is how often a waiting activity checks.
func NewStacks(cfg aws.Config, policy *perch.Policy, source Source, interval time.Duration) *Stacks {
	s := &Stacks{
		Reader:    stack.NewReader(cfg, policy, source, interval),
		beanstalk: beanstalk.NewClient(cfg, policy, interval),
		policy:    policy,
		now:       time.Now,
	}
	s.apps = application.NewStacks(cfg, policy, s.Reader)
	s.cards = card.NewStore(cfg, policy, s.Reader)
	s.removals = leftovers.NewRecords(s.cards)
	s.changer = change.New(cfg, change.Config{
		Policy: policy, Stacks: s.Reader, Applications: s.apps, Beanstalk: s.beanstalk, Removals: s.removals,
	})
	return s
}
