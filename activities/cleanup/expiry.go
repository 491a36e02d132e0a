package cleanup

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/card"
	"perch/activities/sourceerr"
	"perch/activities/stack"
	"perch/lifecycle"
)

// listedVerdicts is how many verdicts on expiry a result has. The others only say that an
// environment is kept.
const listedVerdicts = 200

// Expiry judges every environment by its card. It keeps an environment whose card or labels it
// cannot read.
func (p *Planner) Expiry(ctx context.Context, in perch.ExpiryInput) (result perch.ExpiryResult, err error) {
	result = perch.ExpiryResult{At: p.now().UTC(), Verdicts: []perch.ExpiryVerdict{}}
	if err := p.stacks.Serves(in.Project); err != nil {
		return result, err
	}
	var found []lifecycle.Found
	if err := p.stacks.Each(ctx, func(each types.Stack) { found = append(found, stack.Listed(each)) }); err != nil {
		return result, err
	}
	about, err := p.branches.About(ctx)
	if err != nil {
		return result, sourceerr.Wrap(err, "look for the id of %s", p.policy.Repository)
	}
	labels := labelReader{planner: p, cards: p.knownCards(ctx), stacks: map[string]lifecycle.Found{}, id: about.ID}
	for _, each := range found {
		labels.stacks[each.ID] = each
	}
	result.Problem = labels.cards.Problem
	verdicts := lifecycle.PlanExpiry(found, labels.cards, p.policy, about.ID, result.At)
	listed := min(listedVerdicts, len(verdicts))
	result.Verdicts, result.Unlisted = verdicts[:listed], len(verdicts)-listed
	if about.Archived {
		keepArchived(result.Verdicts)
		return result, nil
	}
	if labels.open, err = p.branches.OpenPullRequests(ctx); err != nil {
		if waits := lookAgain(ctx, err); waits != nil {
			return result, waits
		}
		result.Problem = cmp.Or(result.Problem, err.Error())
	}
	for i := range result.Verdicts {
		verdict := &result.Verdicts[i]
		unread, err := labels.read(ctx, verdict)
		if err != nil {
			if waits := lookAgain(ctx, err); waits != nil {
				return result, waits
			}
			unread = err.Error()
		}
		if unread != "" { // A label may pin this one. The others are still judged.
			unread = lifecycle.UnreadLabels(verdict.Branch, unread)
			keep(verdict, unread)
			result.Problem = cmp.Or(result.Problem, unread)
		}
	}
	return result, nil
}

// keep changes the verdict: the environment is kept, for this reason.
func keep(verdict *perch.ExpiryVerdict, reason string) {
	verdict.Action, verdict.Reason, verdict.Warning = perch.ExpiryKeep, reason, nil
}

// keepArchived keeps environments that would be warned or removed. In an archived repository,
// people can neither push nor comment to keep an environment.
func keepArchived(verdicts []perch.ExpiryVerdict) {
	for i := range verdicts {
		if verdicts[i].Action != perch.ExpiryKeep {
			keep(&verdicts[i], lifecycle.Archived)
		}
	}
}

// lookAgain returns err if the whole sweep should be tried again: the source's rate limit is
// reached, or ctx has ended. Otherwise it returns nil, because err concerns only one branch.
func lookAgain(ctx context.Context, err error) error {
	var limited *temporal.ApplicationError
	if ctx.Err() != nil || errors.As(err, &limited) && limited.Type() == sourceerr.RateLimited {
		return err
	}
	return nil
}

// labelReader reads the labels of pull requests for one sweep.
type labelReader struct {
	planner *Planner
	cards   lifecycle.KnownCards
	// stacks has the listed stacks by their ids. id is the id of the repository.
	stacks map[string]lifecycle.Found
	id     string
	// open has the open pull requests by branch; nil if they could not be listed.
	open map[string][]lifecycle.PullRequest
}

// read checks whether a label pins the environment, or has stopped pinning it. If the environment
// would be warned or removed and its labels cannot be read, unread says why; otherwise it is empty.
func (l *labelReader) read(ctx context.Context, verdict *perch.ExpiryVerdict) (unread string, err error) {
	p := l.planner
	environment, err := perch.NewEnvironment(p.policy.Project, verdict.Branch)
	if err != nil {
		return "", nil // No environment of Perch can have this branch.
	}
	known, found := l.cards.BySlug[environment.Slug]
	labelled := known.Pin.Holds(p.now()) && known.Pin.PullRequest != 0
	if verdict.Action == perch.ExpiryKeep && !labelled {
		if found && known.StackID == verdict.StackID &&
			lifecycle.MayBeKept(l.stacks[verdict.StackID], p.policy, l.id) == nil {
			l.pinByOpen(verdict, known)
		}
		return "", nil
	}
	pulls, unread, err := p.branches.PullRequests(ctx, verdict.Branch)
	switch {
	case err != nil:
		return "", err
	case unread != "" && verdict.Action == perch.ExpiryKeep:
		return "", nil // A pin does not end because labels cannot be read.
	case unread != "":
		return unread, nil
	}
	note := lifecycle.LabelNote(known, pulls, p.now())
	if note != nil && note.Kind == perch.NoteUnpin {
		verdict.Note = note
	}
	pinBy(verdict, note)
	if reason := lifecycle.NoPullRequest(known, pulls, p.policy); reason != "" && verdict.Action == perch.ExpiryWarn {
		keep(verdict, reason)
		verdict.Deadline = time.Time{}
	}
	return "", nil
}

// pinByOpen reads the labels from the list of open pull requests.
func (l *labelReader) pinByOpen(verdict *perch.ExpiryVerdict, known perch.Card) {
	pulls := l.open[verdict.Branch]
	note := lifecycle.LabelNote(known, pulls, l.planner.now())
	if note != nil && slices.ContainsFunc(
		pulls, func(p lifecycle.PullRequest) bool { return p.Number == note.PullRequest },
	) {
		verdict.Note = note // Other pull requests may be closed and still have the label.
	}
	pinBy(verdict, note)
}

// pinBy keeps an environment if note pins it because of a label. Without such a note it changes
// nothing.
func pinBy(verdict *perch.ExpiryVerdict, note *perch.Note) {
	if note != nil && note.Kind == perch.NotePin {
		verdict.Note = note
		keep(verdict, note.Reason)
	}
}

// cardOf returns the card of one environment in the form that the rules take. An error means that
// it is worth trying again.
func (p *Planner) cardOf(ctx context.Context, environment perch.Environment) (lifecycle.KnownCards, error) {
	read, found, err := p.cards.Read(ctx, environment)
	var unreadable *card.UnreadableError
	switch {
	case errors.As(err, &unreadable):
		return lifecycle.KnownCards{Unreadable: map[string]string{environment.Slug: unreadable.Error()}}, nil
	case err != nil || !found:
		return lifecycle.KnownCards{}, err
	}
	read.State = perch.CardState{} // The state is that of the run that looks.
	return lifecycle.KnownCards{BySlug: map[string]perch.Card{environment.Slug: read}}, nil
}

// ExpiryNote returns the note that follows from a verdict: a warning, or what a label says; nil if
// there is none. The note is identical in every retry within one run.
func (p *Planner) ExpiryNote(verdict perch.ExpiryVerdict, run string, at time.Time) *perch.Note {
	note := verdict.Note
	if verdict.Action == perch.ExpiryWarn {
		note = &perch.Note{Kind: perch.NoteWarn, Warning: verdict.Warning}
	}
	if note == nil {
		return nil
	}
	sent := *note
	sent.ID, sent.Project, sent.Branch = perch.StableID(
		run, verdict.StackID, string(note.Kind),
	), p.policy.Project, verdict.Branch
	sent.By, sent.At, sent.StackID, sent.Created = "expiry", at, verdict.StackID, verdict.Created
	if note.PullRequest != 0 {
		sent.By = "label " + perch.LabelKeep
	}
	return &sent
}

// ExpiryRequest returns the removal that follows from a verdict. It is identical in every retry
// within one run.
func (p *Planner) ExpiryRequest(verdict perch.ExpiryVerdict, run string, at time.Time) perch.Request {
	return perch.Request{
		ID: perch.StableID(run, verdict.StackID, "expired"), Goal: perch.GoalGone, Project: p.policy.Project,
		Branch: verdict.Branch, By: "expiry", Reason: "expired: " + verdict.Reason,
		Judged: &perch.Judgement{
			StackID: verdict.StackID, Commit: verdict.Commit, Expired: true, At: at,
			Until: at.Add(p.policy.Cleanup.Grace),
		},
	}
}

// CheckKeep adds to a note the stack that it is about. It also tries the note on a copy of the
// environment's card, so that a note that would be rejected is never sent; then the error is a
// *perch.Rejection.
func (p *Planner) CheckKeep(ctx context.Context, in perch.KeepInput) (note perch.Note, err error) {
	note = in.Note
	if !slices.Contains([]perch.NoteKind{perch.NotePin, perch.NoteUnpin, perch.NoteExtend}, note.Kind) {
		return note, perch.Reject("a note of kind %q is not for people", note.Kind)
	}
	described, exists, err := p.stacks.Describe(ctx, in.Environment.StackName())
	if err != nil {
		return note, err
	}
	if !exists {
		return note, perch.Reject("branch %s has no environment; `perch up %[1]s` creates one", in.Environment.Branch)
	}
	id, err := p.branches.RepositoryID(ctx)
	if err != nil {
		return note, sourceerr.Wrap(err, "look for the id of %s", p.policy.Repository)
	}
	found := stack.Listed(described)
	if err := lifecycle.MayBeKept(found, p.policy, id); err != nil {
		return note, err
	}
	read, _, err := p.cards.Read(ctx, in.Environment)
	var unreadable *card.UnreadableError
	if errors.As(err, &unreadable) {
		return note, perch.Reject(
			"%v; nothing was changed, and the environment stays: the next `perch up` begins a new card", unreadable,
		)
	}
	if err != nil {
		return note, err
	}
	note.Project, note.Branch = in.Environment.Project, in.Environment.Branch
	note.StackID, note.Created = found.ID, found.Created
	return note, lifecycle.EnterKeep(&read, note, p.policy.Expiry, p.now())
}

// Kept returns the answer to the note from the environment's card. entered is false until a run has
// entered the note. If the card cannot be read, entered is false, too.
func (p *Planner) Kept(ctx context.Context, in perch.KeepInput) (result perch.KeepResult, entered bool, err error) {
	read, _, err := p.cards.Read(ctx, in.Environment)
	var unreadable *card.UnreadableError
	if err != nil && !errors.As(err, &unreadable) {
		return result, false, err
	}
	at := slices.IndexFunc(read.Answers, func(a perch.NoteAnswer) bool { return a.ID == in.Note.ID })
	if at < 0 {
		return result, false, nil
	}
	if rejection := read.Answers[at].Rejection; rejection != "" {
		return result, true, perch.Reject("%s", rejection)
	}
	result.At = p.now().UTC()
	if lifecycle.NoChannel(read, p.policy) == "" {
		result.Expires = lifecycle.Lifetime(read, p.policy.Expiry).Deadline
	}
	if read.Pin.Holds(p.now()) {
		result.Pin = read.Pin
	}
	return result, true, nil
}
