package stack

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/time/rate"

	"perch/activities/awserr"
)

const (
	// describeRate is how many DescribeStacks calls the poller makes in a second at most. AWS
	// allows an account five, a limit that cannot be raised, and other activities need some of
	// them.
	describeRate = 3
	// slowestRate is the lowest rate after throttling. rateStep is how much the rate grows with
	// each successful call.
	slowestRate = 0.2
	rateStep    = 0.2
	// describeTimeout limits one call of the poller.
	describeTimeout = 30 * time.Second
)

// Poller reads, for all waits of a worker together, the stacks that they wait for. In each interval
// it makes as many calls as there are stacks or, if that is fewer, as a listing of the account has
// pages. It runs only while a caller waits. It repeats throttled calls at a lower rate, so that
// watchers never see the throttling.
type Poller struct {
	cfn      *cloudformation.Client
	interval time.Duration
	// most is the budget in calls a second. limit is what throttling has left of it.
	most  rate.Limit
	limit *rate.Limiter

	mu      sync.Mutex
	watches map[string]map[chan Sighting]bool
	pages   int
	stop    context.CancelFunc
}

// Sighting is a stack as it was read once. Found is false if it was not there. A listing leaves out
// deleted stacks, so a stack that was not found may still have events.
type Sighting struct {
	Stack types.Stack
	Found bool
	Err   error
}

// NewPoller returns a Poller that reads the stacks once in each interval.
func NewPoller(cfn *cloudformation.Client, interval time.Duration) *Poller {
	p := &Poller{cfn: cfn, interval: interval, watches: map[string]map[chan Sighting]bool{}, pages: 1}
	p.SetBudget(describeRate)
	return p
}

// SetBudget sets how many calls the poller makes in a second at most.
func (p *Poller) SetBudget(most rate.Limit) {
	p.most, p.limit = most, rate.NewLimiter(most, describeRate)
}

// Pages returns how many pages a listing of the account has.
func (p *Poller) Pages() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pages
}

// Watch sends sightings of the stack with this id until stop is called. A new sighting replaces one
// that was not received yet.
func (p *Poller) Watch(stackID string) (sightings <-chan Sighting, stop func()) {
	channel := make(chan Sighting, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watches[stackID] == nil {
		p.watches[stackID] = map[chan Sighting]bool{}
	}
	p.watches[stackID][channel] = true
	if p.stop == nil {
		var ctx context.Context
		ctx, p.stop = context.WithCancel(context.Background()) // All watchers share it.
		go p.run(ctx)
	}
	return channel, func() { p.unwatch(stackID, channel) }
}

func (p *Poller) unwatch(stackID string, channel chan Sighting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watches[stackID], channel)
	if len(p.watches[stackID]) == 0 {
		delete(p.watches, stackID)
	}
	if len(p.watches) == 0 && p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// Waiting returns how many stacks are waited for.
func (p *Poller) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.watches)
}

// Learn sets how many pages a listing of the account has.
func (p *Poller) Learn(pages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages = max(pages, 1)
}

func (p *Poller) run(ctx context.Context) {
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	for {
		p.tick(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *Poller) tick(ctx context.Context) {
	ids, pages := p.round()
	if len(ids) > pages {
		p.lookAtAll(ctx, ids)
		return
	}
	for _, id := range ids {
		p.look(ctx, id)
	}
}

func (p *Poller) round() (ids []string, pages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.watches {
		ids = append(ids, id)
	}
	return ids, p.pages
}

func (p *Poller) look(ctx context.Context, id string) {
	out, err := p.describe(ctx, &cloudformation.DescribeStacksInput{StackName: &id})
	switch {
	case awserr.UnknownStack(err):
		p.deliver(ctx, id, Sighting{})
	case err != nil:
		p.deliver(ctx, id, Sighting{Err: err})
	case len(out.Stacks) == 1:
		p.deliver(ctx, id, Sighting{Stack: out.Stacks[0], Found: true})
	}
}

// lookAtAll lists all stacks of the account.
func (p *Poller) lookAtAll(ctx context.Context, ids []string) {
	left := make(map[string]bool, len(ids))
	for _, id := range ids {
		left[id] = true
	}
	in := &cloudformation.DescribeStacksInput{}
	for pages := 1; ; pages++ {
		page, err := p.describe(ctx, in)
		if err != nil {
			p.deliverAll(ctx, left, Sighting{Err: err})
			return
		}
		for _, stack := range page.Stacks {
			if id := aws.ToString(stack.StackId); left[id] {
				delete(left, id)
				p.deliver(ctx, id, Sighting{Stack: stack, Found: true})
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			p.Learn(pages)
			p.deliverAll(ctx, left, Sighting{})
			return
		}
	}
}

// describe makes one call within the budget. It turns off the SDK's retries, because they would not
// count towards the budget.
func (p *Poller) describe(
	ctx context.Context,
	in *cloudformation.DescribeStacksInput,
) (*cloudformation.DescribeStacksOutput, error) {
	for {
		if err := p.limit.Wait(ctx); err != nil {
			return nil, err
		}
		out, err := p.once(ctx, in)
		if !awserr.Throttled(err) {
			p.limit.SetLimit(min(p.limit.Limit()+rateStep, p.most))
			return out, err
		}
		p.limit.SetLimit(max(p.limit.Limit()/2, slowestRate))
	}
}

func (p *Poller) once(
	ctx context.Context,
	in *cloudformation.DescribeStacksInput,
) (*cloudformation.DescribeStacksOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	return p.cfn.DescribeStacks(ctx, in, func(o *cloudformation.Options) { o.Retryer = aws.NopRetryer{} })
}

func (p *Poller) deliverAll(ctx context.Context, ids map[string]bool, s Sighting) {
	for id := range ids {
		p.deliver(ctx, id, s)
	}
}

// deliver sends a sighting to everyone who watches the stack. If the poller was stopped, it
// discards the sighting.
func (p *Poller) deliver(ctx context.Context, id string, s Sighting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	for channel := range p.watches[id] {
		select {
		case <-channel: // This discards the older sighting.
		default:
		}
		channel <- s
	}
}
