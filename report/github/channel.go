// Package github tells GitHub how far environments are: by deployments, commit statuses and
// comments on pull requests.
//
// What exists on GitHub is looked for before it is created, so that a worker that dies between a
// call and the card that remembers it creates nothing twice.
package github

import (
	"context"
	"strings"
	"sync"
	"time"

	api "github.com/google/go-github/v60/github"

	"perch"
)

// Access is a repository on GitHub with the worker's credentials.
type Access interface {
	// Client is a client of the REST API that is not shared with anyone.
	Client() *api.Client
	// Login is the user or the App that the credentials belong to, as the author of a comment.
	Login(ctx context.Context) (string, error)
	// Answer is the status of GitHub's answer that was an error, and what GitHub said; 0 if GitHub
	// did not answer.
	Answer(err error) (status int, message string)
	// Permissions are what an App may do, by GitHub's names, such as `deployments`: `read` or
	// `write`; nil for a token, whose permissions cannot be read.
	Permissions(ctx context.Context) (map[string]string, error)
}

// Channel tells one repository. It is safe for concurrent use.
type Channel struct {
	// RunURL is the address of a run in Temporal's web UI; nil if that is not known. It is set
	// before the first delivery.
	RunURL func(environment perch.Environment, runID string) string

	access      Access
	client      *api.Client
	wants       perch.ReportsGitHub
	owner, name string
	// branch is the repository's default branch.
	branch string
	now    func() time.Time
	pace   *pace

	mu sync.Mutex
	// login is who the channel writes as; empty before it is known.
	login string
	// denied are the commits of environments for which GitHub has denied a kind of report: nothing
	// of that kind is tried again for the same commit.
	denied map[denial]rejectedReport
}

// denial is a kind of report of an environment.
type denial struct{ slug, kind string }

// rejectedReport has no problem if people need not know it.
type rejectedReport struct{ commit, problem string }

// New makes a Channel. now is the clock of its pace, and of what the card says of expiry.
func New(access Access, policy *perch.Policy, now func() time.Time) *Channel {
	owner, name, _ := strings.Cut(policy.Source.GitHub.Repository, "/")
	return &Channel{
		access: access, client: access.Client(), wants: policy.Reports.GitHub,
		owner: owner, name: name, branch: policy.DefaultBranch,
		now: now, pace: newPace(), denied: map[denial]rejectedReport{},
	}
}

// Share says among how many workers GitHub's limits are divided from now on.
func (c *Channel) Share(workers int) { c.pace.share(c.now(), workers) }

// The kinds of reports.
const (
	kindDeployment = "deployment"
	kindStatus     = "status"
	kindComment    = "comment"
	// kindPullRequests is not a report: `ls` and `status` show it.
	kindPullRequests = "list of pull requests"
)

// Deliver tells GitHub what differs from what it was told last, and enters into the card what it
// has been told. again tries also what GitHub has denied. What cannot be told is a sentence in the
// card, and the card is marked.
func (c *Channel) Deliver(ctx context.Context, card *perch.Card, again bool) {
	d := &delivery{
		Channel: c, card: card, memory: &card.GitHub, last: card.State.Phase.IsLast(),
		wants: c.wants.Without(card.Muted),
	}
	d.memory.Undelivered, d.memory.CommentUndelivered, d.memory.Problem = false, false, ""
	if again {
		c.forget(card.Environment.Slug)
	}
	if d.wants.Deployments {
		d.try(ctx, kindDeployment, d.deployments)
	} else {
		d.memory.Intended = nil
	}
	if d.wants.Status {
		d.try(ctx, kindStatus, d.statuses)
	} else {
		card.Ended = nil
	}
	if d.wants.Comment {
		d.try(ctx, kindComment, d.comments)
	} else {
		d.showPullRequests(ctx)
	}
}

// delivery is one delivery of a card.
type delivery struct {
	*Channel
	card   *perch.Card
	memory *perch.GitHubMemory
	// last says that the request says nothing after this state.
	last bool
	// wants are the policy's reports without those that the project does not want.
	wants perch.ReportsGitHub
}

// try carries out one kind of report, unless GitHub has denied it for the same commit.
func (d *delivery) try(ctx context.Context, kind string, tell func(context.Context) error) {
	key := denial{d.card.Environment.Slug, kind}
	d.mu.Lock()
	denied, known := d.denied[key]
	d.mu.Unlock()
	if known && denied.commit == d.card.State.Commit {
		d.problem(denied.problem)
		d.undelivered(kind)
		return
	}
	problem := d.explain(tell(ctx), kind)
	switch {
	case problem.words == "" && problem.passes:
		d.undelivered(kind)
	case problem.words != "":
		if !problem.done {
			d.undelivered(kind)
		}
		d.problem(problem.words)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.denied, key)
	if problem.words != "" && !problem.passes {
		d.denied[key] = rejectedReport{d.card.State.Commit, problem.words}
	}
}

// undelivered remembers that a kind of report is to be told again.
func (d *delivery) undelivered(kind string) {
	d.memory.Undelivered = true
	d.memory.CommentUndelivered = d.memory.CommentUndelivered || kind == kindComment
}

// runURL is the address of the run that said the card's state; empty if it is not known.
func (d *delivery) runURL() string {
	if d.RunURL == nil || d.card.State.RunID == "" {
		return ""
	}
	return d.RunURL(d.card.Environment, d.card.State.RunID)
}

func (d *delivery) problem(words string) {
	if d.memory.Problem != "" {
		d.memory.Problem += "; "
	}
	d.memory.Problem += words
}

// forget lets everything be tried again that was denied for an environment.
func (c *Channel) forget(slug string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range []string{kindDeployment, kindStatus, kindComment, kindPullRequests} {
		delete(c.denied, denial{slug, kind})
	}
}

// write carries out a call that creates content, if the pace has room for it and GitHub has not
// asked to wait.
func (d *delivery) write(do func() (*api.Response, error)) error {
	if !d.pace.take(d.now(), d.last) {
		return errPace
	}
	_, err := do()
	if wait := waitOf(err); wait > 0 {
		d.pace.hold(d.now().Add(wait))
	}
	return err
}
