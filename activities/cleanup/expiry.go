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

// listedVerdicts is how many verdicts on expiry travel; the others say that an environment is kept.
const listedVerdicts = 200

// Expiry judges every environment by its card. What cannot be read keeps.
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
		if unread != "" { // A label may pin it. The others are judged all the same.
			unread = lifecycle.UnreadLabels(verdict.Branch, unread)
			keep(verdict, unread)
			result.Problem = cmp.Or(result.Problem, unread)
		}
	}
	return result, nil
}

// keep has an environment kept after all.
func keep(verdict *perch.ExpiryVerdict, reason string) {
	verdict.Action, verdict.Reason, verdict.Warning = perch.ExpiryKeep, reason, nil
}

// keepArchived keeps what would be warned or removed: nothing can be pushed to an archived
// repository, and no comment be written in it.
func keepArchived(verdicts []perch.ExpiryVerdict) {
	for i := range verdicts {
		if verdicts[i].Action != perch.ExpiryKeep {
			keep(&verdicts[i], lifecycle.Archived)
		}
	}
}

// lookAgain is err if it concerns all branches and is temporary: the source's rate limit, or the
// end of ctx; nil otherwise.
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
	// stacks are the stacks by their ids, id is the repository's.
	stacks map[string]lifecycle.Found
	id     string
	// open are the open pull requests by branch; nil if they could not be listed.
	open map[string][]lifecycle.PullRequest
}

// read checks whether a label pins the environment, or no longer pins it. unread explains why the
// labels of an environment that would be warned or removed are not known; empty if they are.
func (l *labelReader) read(ctx context.Context, verdict *perch.ExpiryVerdict) (unread string, err error) {
	p := l.planner
	environment, err := perch.NewEnvironment(p.policy.Project, verdict.Branch)
	if err != nil {
		return "", nil // It is listed, and has no environment of ours.
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
		return "", nil // What cannot be read ends no pin.
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

// pinByOpen reads the labels in the list of open pull requests.
func (l *labelReader) pinByOpen(verdict *perch.ExpiryVerdict, known perch.Card) {
	pulls := l.open[verdict.Branch]
	note := lifecycle.LabelNote(known, pulls, l.planner.now())
	if note != nil && slices.ContainsFunc(
		pulls, func(p lifecycle.PullRequest) bool { return p.Number == note.PullRequest },
	) {
		verdict.Note = note // A pull request that is not in the list may be closed, and have its label.
	}
	pinBy(verdict, note)
}

// pinBy keeps an environment that a label is to pin; nothing is done without the note of a pin.
func pinBy(verdict *perch.ExpiryVerdict, note *perch.Note) {
	if note != nil && note.Kind == perch.NotePin {
		verdict.Note = note
		keep(verdict, note.Reason)
	}
}

// cardOf is the card of one environment, as the rules take it. The error says that it is worth
// trying again.
func (p *Planner) cardOf(ctx context.Context, environment perch.Environment) (lifecycle.KnownCards, error) {
	read, found, err := p.cards.Read(ctx, environment)
	var unreadable *card.UnreadableError
	switch {
	case errors.As(err, &unreadable):
		return lifecycle.KnownCards{Unreadable: map[string]string{environment.Slug: unreadable.Error()}}, nil
	case err != nil || !found:
		return lifecycle.KnownCards{}, err
	}
	read.State = perch.CardState{} // It is of the run that looks.
	return lifecycle.KnownCards{BySlug: map[string]perch.Card{environment.Slug: read}}, nil
}

// ExpiryNote is the note that a verdict leads to: a warning, or what a label says; nil if none. It
// is identical in every retry within one run.
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

// ExpiryRequest is the removal that a verdict leads to. It is identical in every retry within one
// run.
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

// CheckKeep completes a note with the stack that it is about, and enters it into a copy of the
// environment's card, so that a note that would be rejected is not sent. The error is a
// *perch.Rejection then.
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

// Kept is the answer to the note, as the environment's card says it; entered is false as long as no
// run has taken it. A card that cannot be read says nothing.
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
