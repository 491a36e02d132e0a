package run

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"perch"
	"perch/dial"
)

// pollGap is how long a worker may go without a poll and still count as polling. Temporal ends an idle poll after a minute, and the next one
// follows at once; a worker with all slots taken asks for nothing.
const pollGap = 2 * time.Minute

// pollAccepted is how long a poll has to stay open to show that Temporal took it: one that is refused ends sooner, one that is taken may stay open
// for a minute.
const pollAccepted = 5 * time.Second

// poll is one kind of work that a worker asks Temporal for.
type poll struct {
	queue string
	work  string
}

const (
	workflowTasks = "workflow tasks"
	activityTasks = "activities"
)

// pollsOf are the polls of a worker that does the project's work.
func pollsOf(project string) []poll {
	return []poll{
		{perch.TaskQueue(project), workflowTasks},
		{perch.TaskQueue(project), activityTasks},
		{perch.WaitQueue(project), activityTasks},
	}
}

// polls notes how the polls of this very process go. What Temporal's servers say of a queue's pollers cannot be had for a whole queue: each of its
// partitions knows only its own.
type polls struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[poll]*polling
}

// polling is how one kind of poll goes: how many are open, when the latest one began, when the latest one ended, and how.
type polling struct {
	open  int
	begun time.Time
	ended time.Time
	err   error
}

func newPolls(now func() time.Time) *polls {
	return &polls{now: now, seen: map[poll]*polling{}}
}

// intercept is a grpc.UnaryClientInterceptor.
func (p *polls) intercept(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	which, ok := pollOf(request)
	if !ok {
		return invoke(ctx, method, request, reply, connection, options...)
	}
	p.begin(which)
	err := invoke(ctx, method, request, reply, connection, options...)
	p.end(which, err)
	return err
}

// pollOf says what request asks for. A worker's own sticky queue counts as the queue that it belongs to.
func pollOf(request any) (poll, bool) {
	switch r := request.(type) {
	case *workflowservice.PollWorkflowTaskQueueRequest:
		if normal := r.GetTaskQueue().GetNormalName(); normal != "" {
			return poll{normal, workflowTasks}, true
		}
		return poll{r.GetTaskQueue().GetName(), workflowTasks}, true
	case *workflowservice.PollActivityTaskQueueRequest:
		return poll{r.GetTaskQueue().GetName(), activityTasks}, true
	}
	return poll{}, false
}

func (p *polls) begin(which poll) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[which] == nil {
		p.seen[which] = &polling{}
	}
	p.seen[which].open++
	p.seen[which].begun = p.now()
}

func (p *polls) end(which poll, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.seen[which]
	s.open, s.ended, s.err = s.open-1, p.now(), err
}

// missing is an error that names the first of the wanted polls that is not made or whose latest end was a failure.
func (p *polls) missing(wanted []poll) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, which := range wanted {
		s := p.seen[which]
		switch {
		case s == nil:
			return fmt.Errorf("task queue %s is not polled for %s yet", which.queue, which.work)
		case s.open > 0 && p.now().Sub(s.begun) >= pollAccepted:
		case s.err != nil:
			return fmt.Errorf("poll task queue %s for %s: %w", which.queue, which.work, dial.Plain(s.err))
		case s.open == 0 && p.now().Sub(s.ended) > pollGap:
			return fmt.Errorf("task queue %s was last polled for %s at %s: all slots are taken, or the worker hangs", which.queue, which.work, s.ended.UTC().Format(time.RFC3339))
		}
	}
	return nil
}
