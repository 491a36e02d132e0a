package stack

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/time/rate"

	"perch/activities/awserr"
	"perch/lifecycle"
)

const (
	// callRate is how many calls of one operation the poller makes in a second at most. AWS allows
	// an account five DescribeStacks calls, a limit that cannot be raised, and other activities
	// need some of them. It counts each operation separately.
	callRate = 3
	// slowestRate is the lowest rate after throttling. rateStep is how much the rate grows with
	// each successful call.
	slowestRate = 0.2
	rateStep    = 0.2
	// callTimeout limits one call of the poller.
	callTimeout = 30 * time.Second
)

// Poller reads, for all waits of a worker together, the stacks that they wait for. In each interval
// it lists the account's stacks in progress. A listing has their names and statuses, and a wait
// needs no more until the end. Then the Poller describes the stacks that are not in the listing:
// each by its id, or all stacks of the account if that takes fewer calls. It runs only while a
// caller waits. It repeats throttled calls at a lower rate, so that watchers never see the
// throttling.
type Poller struct {
	cfn      *cloudformation.Client
	interval time.Duration
	// lists and describes are the budgets of ListStacks and DescribeStacks.
	lists, describes *budget

	mu      sync.Mutex
	watches map[string]map[chan Sighting]bool
	pages   int
	stop    context.CancelFunc
}

// Sighting is a stack as it was read once. Found is false if it was not there. A listing leaves out
// deleted stacks, so a stack that was not found may still have events. While the stack is
// in progress, Stack may have only the id, the name and the status.
type Sighting struct {
	Stack types.Stack
	Found bool
	Err   error
}

// NewPoller returns a Poller that reads the stacks once in each interval.
func NewPoller(cfn *cloudformation.Client, interval time.Duration) *Poller {
	p := &Poller{cfn: cfn, interval: interval, watches: map[string]map[chan Sighting]bool{}, pages: 1}
	p.SetBudget(callRate)
	return p
}

// SetBudget sets how many calls of one operation the poller makes in a second at most.
func (p *Poller) SetBudget(most rate.Limit) { p.lists, p.describes = newBudget(most), newBudget(most) }

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
	if len(ids) > 1 {
		ids = p.listInProgress(ctx, ids, pages)
	}
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
	out, err := callWithin(ctx, p.describes, &cloudformation.DescribeStacksInput{StackName: &id}, p.cfn.DescribeStacks)
	switch {
	case awserr.UnknownStack(err):
		p.deliver(ctx, id, Sighting{})
	case err != nil:
		p.deliver(ctx, id, Sighting{Err: err})
	case len(out.Stacks) == 1:
		p.deliver(ctx, id, Sighting{Stack: out.Stacks[0], Found: true})
	}
}

// statusesInProgress are the statuses of a stack in progress.
var statusesInProgress = slices.DeleteFunc(types.StackStatus("").Values(), func(status types.StackStatus) bool {
	return !lifecycle.InProgress(string(status))
})

// listInProgress lists the account's stacks in progress, and returns the ids that are not among
// them. If the worker's role may not list stacks, it returns all ids. It reads at most pages pages,
// as many as a listing of all stacks has: ListStacks also knows the stacks that were deleted in the
// last 90 days, and AWS might return nearly empty pages for these.
func (p *Poller) listInProgress(ctx context.Context, ids []string, pages int) (others []string) {
	in := &cloudformation.ListStacksInput{StackStatusFilter: statusesInProgress}
	left, _, complete := p.findIn(ctx, ids, func() (stacks []types.Stack, more bool, err error) {
		pages--
		page, err := callWithin(ctx, p.lists, in, p.cfn.ListStacks)
		switch {
		case awserr.Denied(err):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		}
		for _, summary := range page.StackSummaries {
			stacks = append(stacks, types.Stack{
				StackId: summary.StackId, StackName: summary.StackName, StackStatus: summary.StackStatus,
			})
		}
		in.NextToken = page.NextToken
		return stacks, in.NextToken != nil && pages > 0, nil
	})
	if !complete {
		return nil
	}
	return slices.Collect(maps.Keys(left))
}

// lookAtAll describes all stacks of the account.
func (p *Poller) lookAtAll(ctx context.Context, ids []string) {
	in := &cloudformation.DescribeStacksInput{}
	left, pages, complete := p.findIn(ctx, ids, func() ([]types.Stack, bool, error) {
		page, err := callWithin(ctx, p.describes, in, p.cfn.DescribeStacks)
		if err != nil {
			return nil, false, err
		}
		in.NextToken = page.NextToken
		return page.Stacks, in.NextToken != nil, nil
	})
	if complete {
		p.Learn(pages)
		p.deliverAll(ctx, left, Sighting{})
	}
}

// findIn delivers sightings of these stacks from the pages of a listing. left are those that it
// does not have. If a page cannot be read, complete is false, and findIn delivers the error for
// those that were not on an earlier page.
func (p *Poller) findIn(
	ctx context.Context, ids []string, next func() (stacks []types.Stack, more bool, err error),
) (left map[string]bool, pages int, complete bool) {
	left = make(map[string]bool, len(ids))
	for _, id := range ids {
		left[id] = true
	}
	for more := true; more; pages++ {
		var stacks []types.Stack
		var err error
		if stacks, more, err = next(); err != nil {
			p.deliverAll(ctx, left, Sighting{Err: err})
			return nil, 0, false
		}
		for _, stack := range stacks {
			if id := aws.ToString(stack.StackId); left[id] {
				delete(left, id)
				p.deliver(ctx, id, Sighting{Stack: stack, Found: true})
			}
		}
	}
	return left, pages, true
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

// budget limits how many calls the poller makes in a second.
type budget struct {
	most rate.Limit
	// limit is what throttling has left of most.
	limit *rate.Limiter
}

func newBudget(most rate.Limit) *budget {
	return &budget{most: most, limit: rate.NewLimiter(most, callRate)}
}

// callWithin makes one call within the budget, and repeats it if AWS throttles it. It turns off the
// SDK's retries, because they would not count towards the budget.
func callWithin[In, Out any](
	ctx context.Context,
	b *budget,
	in In,
	call func(context.Context, In, ...func(*cloudformation.Options)) (Out, error),
) (Out, error) {
	for {
		if err := b.limit.Wait(ctx); err != nil {
			var none Out
			return none, err
		}
		bounded, cancel := context.WithTimeout(ctx, callTimeout)
		out, err := call(bounded, in, func(o *cloudformation.Options) { o.Retryer = aws.NopRetryer{} })
		cancel()
		if !awserr.Throttled(err) {
			b.limit.SetLimit(min(b.limit.Limit()+rateStep, b.most))
			return out, err
		}
		b.limit.SetLimit(max(b.limit.Limit()/2, slowestRate))
	}
}
