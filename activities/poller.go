package activities

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/time/rate"
)

// describeRate is how many DescribeStacks calls a second the poller makes at most: AWS allows an account five, and the quick
// activities need some of them.
const describeRate = 3

// poller looks at all the stacks that a worker waits for together: with W of them a tick costs min(W, pages of the account) calls.
// It runs only while somebody waits.
type poller struct {
	cfn      *cloudformation.Client
	interval time.Duration
	limit    *rate.Limiter

	mu      sync.Mutex
	watches map[string]map[chan sighting]bool
	pages   int
	running bool
}

// sighting is one look at a stack; found is false where there is none.
type sighting struct {
	stack types.Stack
	found bool
	err   error
}

func newPoller(cfn *cloudformation.Client, interval time.Duration) *poller {
	return &poller{cfn: cfn, interval: interval, limit: rate.NewLimiter(describeRate, describeRate), watches: map[string]map[chan sighting]bool{}, pages: 1}
}

// watch delivers what is seen of the stack with this id until stop is called. A sighting that nobody took is replaced by the next.
func (p *poller) watch(stackID string) (sightings <-chan sighting, stop func()) {
	channel := make(chan sighting, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watches[stackID] == nil {
		p.watches[stackID] = map[chan sighting]bool{}
	}
	p.watches[stackID][channel] = true
	if !p.running {
		p.running = true
		go p.run()
	}
	return channel, func() { p.unwatch(stackID, channel) }
}

func (p *poller) unwatch(stackID string, channel chan sighting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watches[stackID], channel)
	if len(p.watches[stackID]) == 0 {
		delete(p.watches, stackID)
	}
}

// waiting is how many stacks are waited for.
func (p *poller) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.watches)
}

// run ticks until nobody waits. It belongs to the worker, not to one activity: each watcher has its own context for giving up.
func (p *poller) run() {
	for {
		ids, pages := p.round()
		if len(ids) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if len(ids) <= pages {
			for _, id := range ids {
				p.look(ctx, id)
			}
		} else {
			p.lookAtAll(ctx, ids)
		}
		cancel()
		time.Sleep(p.interval)
	}
}

func (p *poller) round() (ids []string, pages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.watches {
		ids = append(ids, id)
	}
	p.running = len(ids) > 0
	return ids, p.pages
}

func (p *poller) look(ctx context.Context, id string) {
	if err := p.limit.Wait(ctx); err != nil {
		p.deliver(id, sighting{err: err})
		return
	}
	out, err := p.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &id})
	switch {
	case missingStack(err):
		p.deliver(id, sighting{})
	case err != nil:
		p.deliver(id, sighting{err: err})
	case len(out.Stacks) == 1:
		p.deliver(id, sighting{stack: out.Stacks[0], found: true})
	}
}

// lookAtAll reads the account's pages; a stack that is on none of them was deleted and is looked at by its id.
func (p *poller) lookAtAll(ctx context.Context, ids []string) {
	left := make(map[string]bool, len(ids))
	for _, id := range ids {
		left[id] = true
	}
	pages := 0
	for all := cloudformation.NewDescribeStacksPaginator(p.cfn, &cloudformation.DescribeStacksInput{}); all.HasMorePages(); pages++ {
		if err := p.limit.Wait(ctx); err != nil {
			return
		}
		page, err := all.NextPage(ctx)
		if err != nil {
			p.deliverAll(ids, sighting{err: err})
			return
		}
		for _, stack := range page.Stacks {
			if id := aws.ToString(stack.StackId); left[id] {
				delete(left, id)
				p.deliver(id, sighting{stack: stack, found: true})
			}
		}
	}
	p.mu.Lock()
	p.pages = max(pages, 1)
	p.mu.Unlock()
	for id := range left {
		p.look(ctx, id)
	}
}

func (p *poller) deliverAll(ids []string, s sighting) {
	for _, id := range ids {
		p.deliver(id, s)
	}
}

func (p *poller) deliver(id string, s sighting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for channel := range p.watches[id] {
		select {
		case <-channel: // The older sighting was not taken.
		default:
		}
		channel <- s
	}
}
