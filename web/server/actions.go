package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	sdk "go.temporal.io/sdk/temporal"

	"perch"
	"perch/client"
	"perch/lifecycle"
	"perch/readapi"
	"perch/web/pages"
)

const (
	// longestForm is the maximum size of a form in bytes.
	longestForm = 64 << 10
	// actTimeout is the time limit of an action. Keeping an environment and approving a plan
	// include a wait for a worker.
	actTimeout = 45 * time.Second
	// requestPatience is how long an action retries to reach Temporal.
	requestPatience = 5 * time.Second
	// mostHours is the maximum length of an extension or a pin: a year, as in perch.yaml.
	mostHours = 8760
)

// planHash matches the hash of a plan.
var planHash = regexp.MustCompile(`^[0-9a-f]{16}$`)

// form has the fields of a form by which a person requests an action.
type form struct {
	branch, commit, long, reason, confirm, hash string
}

// order is an action that a person has requested, with the data that is needed to carry it out.
type order struct {
	action pages.Action
	form   form
	viewer pages.Viewer
	// environment is the environment that the action applies to; nil if the action approves a
	// cleanup plan.
	environment *readapi.Environment
	// id is the ID of the request, which the audit log also contains.
	id string
}

// act carries out one action. It makes the same request as the starter would, with the person's
// name.
func (d *Dashboard) act(w http.ResponseWriter, r *http.Request) *trouble {
	connection := http.NewResponseController(w)
	if err := connection.SetWriteDeadline(time.Now().Add(actTimeout + 2*pageTimeout)); err != nil {
		return broken(err)
	}
	o := order{action: pages.Action(r.PathValue("action")), id: uuid.NewString()}
	unread := d.readForm(w, r, &o)
	// The server's read deadline would cancel the request's context, even after the body is read.
	if err := connection.SetReadDeadline(time.Time{}); err != nil {
		return broken(err)
	}
	failed := d.admit(r, &o, unread)
	notice := ""
	if failed == nil {
		// The action continues if the person closes the page, and the audit log records how it
		// ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actTimeout)
		defer cancel()
		notice, failed = d.carryOut(ctx, o)
	}
	said := []any{"action", string(o.action), "branch", o.form.branch, "request", o.id}
	if failed != nil {
		d.audit("action", o.viewer, append(said, "outcome", outcomeOf(failed), "reason", failed.sentence)...)
		return failed
	}
	d.audit("action", o.viewer, append(said, "outcome", "done")...)
	d.answers.forget()
	d.sessions.Put(r.Context(), keyNotice+o.viewer.Login, notice)
	http.Redirect(w, r, o.back(), http.StatusSeeOther)
	return nil
}

// outcomeOf returns the audit log's word for an action that was not carried out.
func outcomeOf(failed *trouble) string {
	switch {
	case failed.unknown:
		return "unknown"
	case failed.status >= http.StatusInternalServerError:
		return "failed"
	}
	return "rejected"
}

// back returns the path of the page that shows the action's result.
func (o order) back() string {
	if o.action == pages.ActionApprove {
		return "/"
	}
	return pages.EnvironmentPath(o.form.branch)
}

// trouble returns an error of the action, with a link back to its page.
func (o order) trouble(status int, title, sentence string, args ...any) *trouble {
	failed := &trouble{
		status: status, title: title, sentence: fmt.Sprintf(sentence, args...), back: "/", backText: "All environments",
	}
	if o.form.branch != "" {
		failed.back, failed.backText = o.back(), "Back to "+o.form.branch
	}
	return failed
}

func (d *Dashboard) readForm(w http.ResponseWriter, r *http.Request, o *order) *trouble {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if err := r.ParseForm(); err != nil {
		return o.trouble(http.StatusBadRequest, "This was not understood",
			"The form could not be read, so nothing was done.")
	}
	text := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	o.form = form{
		branch: text("branch"), commit: text("commit"), long: text("for"), reason: text("reason"),
		confirm: text("confirm"), hash: text("hash"),
	}
	if o.action == pages.ActionApprove {
		o.form.branch = ""
		return nil
	}
	if err := perch.ValidateBranch(o.form.branch); err != nil {
		o.form.branch = ""
		return o.trouble(http.StatusBadRequest, "This was not understood", "Nothing was done: %v.", err)
	}
	return nil
}

// admit checks whether the person may carry out the action in the current state. unread is the
// error from reading the form, if any. To avoid calls, admit reads the current role and state only
// if the person's last known role allows the action.
func (d *Dashboard) admit(r *http.Request, o *order, unread *trouble) (failed *trouble) {
	if o.viewer, failed = d.viewer(r, false); failed != nil {
		return failed
	}
	switch {
	case unread != nil:
		return unread
	case !slices.Contains(pages.Actions(), o.action):
		return noSuchPage()
	}
	// Each role allows at least as much on a branch environment without a pin as on any other.
	if failed := o.notPermitted(readapi.Environment{Kind: perch.KindBranch}); failed != nil {
		return failed
	}
	if o.viewer, failed = d.viewer(r, true); failed != nil {
		return failed
	}
	subject, failed := d.findSubject(r.Context(), o)
	if failed != nil {
		return failed
	}
	if failed := o.notPermitted(subject); failed != nil {
		return failed
	}
	if reason := pages.Impossible(o.action, subject); reason != "" {
		return o.trouble(http.StatusConflict, "This is not possible",
			"Nothing was done: %s.", strings.TrimSuffix(reason, "."))
	}
	return nil
}

// notPermitted returns why the viewer may not carry out the action on the environment; nil if they
// may.
func (o order) notPermitted(subject readapi.Environment) *trouble {
	if o.viewer.Stale {
		return o.trouble(http.StatusServiceUnavailable, "GitHub does not answer",
			"Nothing was done, because GitHub could not be asked whether you still may. Try again in a minute.")
	}
	if reason := pages.Permitted(o.viewer, o.action, subject); reason != "" {
		return o.trouble(http.StatusForbidden, "You may not do this",
			"Nothing was done: %s.", strings.TrimSuffix(reason, "."))
	}
	return nil
}

// findSubject reads the current state of the environment or plan that the action applies to.
func (d *Dashboard) findSubject(ctx context.Context, o *order) (subject readapi.Environment, failed *trouble) {
	switch o.action {
	case pages.ActionRedeploy, pages.ActionExtend, pages.ActionPin, pages.ActionUnpin, pages.ActionRemove:
		found, err := d.askFreshPage(ctx, o.form.branch)
		if err != nil {
			failed := d.readTrouble(err, o.form.branch)
			failed.sentence += " Nothing was done."
			return subject, failed
		}
		if found.Problem != "" {
			return subject, o.trouble(http.StatusServiceUnavailable, "What is there now is not known",
				"Nothing was done, because it is not known what is there now: %s. Try again in a minute.",
				strings.TrimSuffix(found.Problem, "."))
		}
		if isGone(o.action, found) {
			return subject, o.trouble(http.StatusNotFound, "No environment",
				"Nothing was done: %s has no environment any more.", o.form.branch)
		}
		subject = found.Environment
		o.environment = &subject
	case pages.ActionApprove:
		return subject, d.findPlan(ctx, o)
	}
	return subject, nil
}

// isGone reports whether there is no environment for the action. An environment without a stack,
// because its creation failed early, can still be deployed again.
func isGone(action pages.Action, found readapi.Page) bool {
	switch {
	case found.Environment.Status != "":
		return false
	case found.Phase == "" || found.Phase == perch.PhaseGone:
		return true
	}
	return found.Phase.IsLast() && action != pages.ActionRedeploy
}

// findPlan checks whether the plan in the form is the one that is held.
func (d *Dashboard) findPlan(ctx context.Context, o *order) *trouble {
	if !planHash.MatchString(o.form.hash) {
		return o.trouble(http.StatusBadRequest, "This was not understood",
			"Nothing was done: the form names no plan of cleanup.")
	}
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	overview, err := d.Worker.FreshOverview(ctx)
	switch {
	case err != nil:
		return d.readTrouble(err, "")
	case overview.Held == nil || overview.Held.Hash != o.form.hash:
		return o.trouble(http.StatusConflict, "The plan has changed",
			"Nothing was done, because cleanup does not hold this plan any more. Look at the plan that it holds now.")
	}
	return nil
}

// carryOut carries out o and returns the message for the next page.
func (d *Dashboard) carryOut(ctx context.Context, o order) (notice string, failed *trouble) {
	switch o.action {
	case pages.ActionRedeploy:
		return d.redeploy(ctx, o)
	case pages.ActionRemove:
		return d.remove(ctx, o)
	case pages.ActionApprove:
		return d.approve(ctx, o)
	}
	return d.keep(ctx, o)
}

func (o order) by() string { return pages.WebUser(o.viewer.Login) }

func (d *Dashboard) redeploy(ctx context.Context, o order) (string, *trouble) {
	known := []string{o.environment.Commit}
	if last := o.environment.LastReport; last != nil && last.Commit != "" {
		known = append(known, last.Commit)
	}
	commit := known[len(known)-1]
	switch {
	case o.form.commit != "" && o.form.commit != commit && o.form.commit != known[0]:
		return "", o.trouble(http.StatusConflict, "The environment has changed",
			"Nothing was done, because commit %s was requested after you opened the page. Look at it "+
				"first.", perch.ShortCommit(commit))
	case o.form.commit != "":
		commit = o.form.commit
	}
	if failed := d.request(ctx, o, perch.Request{Goal: perch.GoalUp, Commit: commit}); failed != nil {
		return "", failed
	}
	return fmt.Sprintf("Requested: %s is deployed again at commit %s.", o.form.branch, perch.ShortCommit(commit)), nil
}

func (d *Dashboard) remove(ctx context.Context, o order) (string, *trouble) {
	if o.form.confirm != o.form.branch {
		failed := o.trouble(http.StatusUnprocessableEntity, "The name is not the same",
			"Nothing was removed: type the name of the branch, %s, exactly as it is.", o.form.branch)
		failed.back = pages.ConfirmPath(o.form.branch)
		return "", failed
	}
	if failed := d.request(ctx, o, perch.Request{Goal: perch.GoalGone}); failed != nil {
		return "", failed
	}
	return fmt.Sprintf("Requested: the environment of %s is removed.", o.form.branch), nil
}

// request sends a request to the environment's run.
func (d *Dashboard) request(ctx context.Context, o order, request perch.Request) *trouble {
	request.ID, request.Project, request.Branch = o.id, d.Project, o.form.branch
	request.By, request.Reason = o.by(), "dashboard"
	if _, err := d.Temporal.Request(ctx, request, requestPatience); err != nil {
		return o.unanswered(err)
	}
	return nil
}

// unanswered returns the message that it is unknown whether the action was accepted.
func (o order) unanswered(err error) *trouble {
	failed := o.trouble(http.StatusServiceUnavailable, "Temporal does not answer",
		"It is not known whether this was taken: %v. Look at the environment in a minute, and repeat it if nothing "+
			"has changed.", err)
	failed.unknown = true
	return failed
}

// keep extends, pins or unpins an environment.
func (d *Dashboard) keep(ctx context.Context, o order) (string, *trouble) {
	environment, err := perch.NewEnvironment(d.Project, o.form.branch)
	if err != nil {
		return "", o.trouble(http.StatusBadRequest, "This was not understood", "Nothing was done: %v.", err)
	}
	note, failed := o.note(time.Now().UTC())
	if failed != nil {
		return "", failed
	}
	note.Project, note.Branch = environment.Project, environment.Branch
	result, err := d.Temporal.Keep(ctx, perch.KeepInput{Environment: environment, Note: note}, nil)
	if err != nil {
		return "", o.notKept(err)
	}
	return keptNotice(o.form.branch, result), nil
}

// notKept returns the message that says why a note was rejected.
func (o order) notKept(err error) *trouble {
	var (
		ended   *client.FailedError
		failure *sdk.ApplicationError
	)
	if errors.As(err, &ended) && errors.As(err, &failure) && failure.Type() == perch.ErrorInvalid {
		return o.trouble(
			http.StatusConflict, "This is rejected", "Nothing was done: %s.",
			strings.TrimSuffix(client.Cause(ended.Err), "."),
		)
	}
	return o.unanswered(err)
}

// note returns the note that the form describes.
func (o order) note(now time.Time) (perch.Note, *trouble) {
	note := perch.Note{ID: o.id, By: o.by(), At: now}
	hours, failed := o.hours()
	if failed != nil {
		return note, failed
	}
	switch o.action {
	case pages.ActionExtend:
		note.Kind, note.Longer = perch.NoteExtend, hours
	case pages.ActionUnpin:
		note.Kind = perch.NoteUnpin
	default:
		note.Kind, note.Reason = perch.NotePin, strings.TrimSpace(perch.Printable(o.form.reason))
		if hours > 0 {
			note.Until = now.Add(hours.Duration())
		}
		if note.Reason == "" || len([]rune(note.Reason)) > lifecycle.LongestPinReason {
			return note, o.trouble(http.StatusUnprocessableEntity, "A pin needs a reason",
				"Nothing was done: say in 1 to %d characters why the environment is kept, so that others know.",
				lifecycle.LongestPinReason)
		}
	}
	return note, nil
}

// hours returns the duration in the form; 0 means that perch.yaml and the policy determine it.
func (o order) hours() (perch.Hours, *trouble) {
	if o.form.long == "" {
		return 0, nil
	}
	long, err := time.ParseDuration(o.form.long)
	if err != nil || long < time.Hour || long > mostHours*time.Hour || long%time.Hour != 0 {
		return 0, o.trouble(http.StatusUnprocessableEntity, "How long?",
			"Nothing was done: %.40q is not a time that an environment can be kept. Give whole hours from 1h to "+
				"%dh, such as 72h.", o.form.long, mostHours)
	}
	return perch.Hours(long / time.Hour), nil
}

func keptNotice(branch string, kept perch.KeepResult) string {
	const minute = "2006-01-02 15:04 UTC"
	switch {
	case kept.Pin.Holds(kept.At):
		return fmt.Sprintf("%s is pinned until %s.", branch, kept.Pin.Until.UTC().Format(minute))
	case !kept.Expires.IsZero():
		return fmt.Sprintf("%s is not pinned, and expires at %s.", branch, kept.Expires.UTC().Format(minute))
	}
	return fmt.Sprintf("%s is not pinned, and does not expire.", branch)
}

// approve starts a cleanup that carries out the held plan.
func (d *Dashboard) approve(ctx context.Context, o order) (string, *trouble) {
	result, err := d.Temporal.Cleanup(
		ctx, perch.CleanupInput{Project: d.Project, Approved: o.form.hash, By: o.by()}, actTimeout, nil,
	)
	switch {
	case err != nil:
		return "", o.unanswered(err)
	case result.Brake != nil:
		return "", o.trouble(http.StatusConflict, "The plan has changed",
			"Nothing was done, because the plan is not the same any more: %s. "+
				"Look at the plan that cleanup holds now.", strings.TrimSuffix(result.Brake.Reason, "."))
	case result.Problem != "":
		return "", o.trouble(http.StatusConflict, "Cleanup could not judge",
			"Nothing was done: %s.", strings.TrimSuffix(result.Problem, "."))
	}
	return fmt.Sprintf("Approved: cleanup has requested %d removals. Each waits out its grace "+
		"period.", len(result.Asked)), nil
}
