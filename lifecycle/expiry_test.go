package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"perch"
)

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func expiryPolicy() *perch.Policy {
	return &perch.Policy{
		Project: "shop", Repository: "github.com/acme/shop", DefaultBranch: "main", Protected: []string{"release/*"},
		Cleanup: perch.PolicyCleanup{MaxRemovals: 10}, Reports: perch.PolicyReports{Slack: true},
	}
}

// expiryStack is a branch's stack, as CloudFormation lists it.
func expiryStack(branch string, created time.Time) Found {
	environment, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		panic(err)
	}
	tags := environment.Tags(expiryPolicy().Identity(""), perch.KindBranch)
	return Found{
		ID: "arn:" + environment.StackName(), Name: environment.StackName(), Tags: tags, Status: "CREATE_COMPLETE",
		Commit: "abc", Created: created,
	}
}

func slugOf(stack Found) string { return strings.TrimPrefix(stack.Name, "shop-") }

func expiryCard(stack Found, idle, longest perch.Hours) perch.Card {
	return perch.Card{
		StackID: stack.ID, Expiry: &perch.Expiry{Idle: idle, Max: longest, Warn: 24, Extend: 72},
		Activity: perch.Activity{Kind: perch.ActivityPush, At: stack.Created},
		State:    perch.CardState{Phase: perch.PhaseReady},
	}
}

// TestPlanExpiry has a table of one environment: created at the new year, idle for a week, warned a
// day before.
func TestPlanExpiry(t *testing.T) {
	stack := expiryStack("login", newYear)
	week := newYear.Add(168 * time.Hour)
	warned := func(at time.Time) func(*perch.Card) {
		return func(c *perch.Card) { c.ExpiryWarning = &perch.ExpiryWarning{Deadline: week, End: week, At: at} }
	}
	for name, test := range map[string]struct {
		change func(*perch.Card)
		now    time.Time
		want   perch.ExpiryAction
		says   string
	}{
		"in use":                     {nil, newYear.Add(100 * time.Hour), perch.ExpiryKeep, "not used for 168h"},
		"a day before its end":       {nil, week.Add(-24 * time.Hour), perch.ExpiryWarn, "not used"},
		"warned, and before its end": {warned(week.Add(-24 * time.Hour)), week.Add(-time.Hour), perch.ExpiryKeep, ""},
		"warned, at its end": {
			warned(week.Add(-24 * time.Hour)), week, perch.ExpiryRemove, "not used for 168h",
		},
		"not warned, long after": {nil, week.Add(1000 * time.Hour), perch.ExpiryWarn, ""},
		"warned late":            {warned(week.Add(-time.Hour)), week.Add(22 * time.Hour), perch.ExpiryKeep, ""},
		"warned late, a day ago": {warned(week.Add(-time.Hour)), week.Add(23 * time.Hour), perch.ExpiryRemove, ""},
		"a warning not delivered": {
			warned(time.Time{}), week.Add(time.Hour), perch.ExpiryWarn,
			"not used for 168h; the warning is not delivered yet, which postpones the removal",
		},
		"a warning that was denied": {
			func(c *perch.Card) {
				warned(time.Time{})(c)
				c.GitHub.Problem, c.Slack.Problem = "#7 is locked", "Slack was not told"
			}, week.Add(time.Hour), perch.ExpiryWarn, "postpones the removal: #7 is locked; Slack was not told",
		},
		"warned about an earlier end": {
			func(c *perch.Card) { warned(week)(c); c.Activity.At = newYear.Add(time.Hour) }, week.Add(2 * time.Hour),
			perch.ExpiryWarn, "",
		},
		"pushed meanwhile": {
			func(c *perch.Card) { warned(week)(c); c.Activity.At = week }, week.Add(time.Hour), perch.ExpiryKeep, "",
		},
		"extended": {
			func(c *perch.Card) { c.Extended = week.Add(72 * time.Hour) }, week, perch.ExpiryKeep,
			"its extension has ended",
		},
		"pinned": {func(c *perch.Card) {
			warned(week)(c)
			c.Pin = &perch.Pin{By: "ana", Reason: "demo", Until: week.Add(time.Hour)}
		}, week, perch.ExpiryKeep, "pinned by ana until 2026-01-08 01:00 UTC: demo"},
		"its pin has ended": {
			func(c *perch.Card) { c.Pin = &perch.Pin{Until: week} }, week.Add(time.Hour), perch.ExpiryKeep, "",
		},
		"a run is at work": {
			func(c *perch.Card) { warned(newYear)(c); c.State.Phase = perch.PhaseStack }, week, perch.ExpiryKeep,
			"a run is at work",
		},
		"no expiry": {
			func(c *perch.Card) { c.Expiry = nil }, week.Add(9000 * time.Hour), perch.ExpiryKeep, "it does not expire",
		},
		"the longest life": {
			func(c *perch.Card) { c.Expiry.Max = 100; c.Activity.At = newYear.Add(99 * time.Hour) },
			newYear.Add(100 * time.Hour), perch.ExpiryWarn, "created 100h ago",
		},
		"an extension beyond the life": {
			func(c *perch.Card) { c.Expiry.Max = 100; c.Extended = week.Add(time.Hour) }, newYear.Add(100 * time.Hour),
			perch.ExpiryWarn, "created 100h ago",
		},
		"a card of an earlier stack": {
			func(c *perch.Card) { c.StackID = "other" }, week, perch.ExpiryKeep, "its card is of another stack",
		},
	} {
		t.Run(name, func(t *testing.T) {
			card := expiryCard(stack, 168, 0)
			if test.change != nil {
				test.change(&card)
			}
			verdicts := PlanExpiry(
				[]Found{stack}, KnownCards{BySlug: map[string]perch.Card{slugOf(stack): card}}, expiryPolicy(), "",
				test.now,
			)
			if len(verdicts) != 1 || verdicts[0].Action != test.want ||
				!strings.Contains(verdicts[0].Reason, test.says) {
				t.Errorf("%+v, want %s because %q", verdicts, test.want, test.says)
			}
		})
	}
}

func TestAWarningSaysWhetherOnlyAPinKeeps(t *testing.T) {
	stack := expiryStack("login", newYear)
	for longest, want := range map[perch.Hours]bool{0: false, 100: true, 200: false} {
		cards := KnownCards{BySlug: map[string]perch.Card{slugOf(stack): expiryCard(stack, 168, longest)}}
		verdict := PlanExpiry([]Found{stack}, cards, expiryPolicy(), "", newYear.Add(168*time.Hour))[0]
		if verdict.Warning == nil || verdict.Warning.Longest != want {
			t.Errorf("expiry.max %s: %+v", longest, verdict.Warning)
		}
	}
}

func TestPeopleAreWarnedAgainWhenAPinHasEnded(t *testing.T) {
	stack := expiryStack("login", newYear)
	card := expiryCard(stack, 0, 168)
	week := newYear.Add(168 * time.Hour)
	card.ExpiryWarning = &perch.ExpiryWarning{Deadline: week, End: week, At: week.Add(-24 * time.Hour)}
	pin := perch.Note{
		Kind: perch.NotePin, StackID: stack.ID, Created: newYear, Branch: "login", Reason: "demo",
		Until: week.Add(time.Hour),
	}
	if err := EnterKeep(&card, pin, perch.PolicyExpiry{Pin: 720}, week.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	cards := KnownCards{BySlug: map[string]perch.Card{slugOf(stack): card}}
	verdict := PlanExpiry([]Found{stack}, cards, expiryPolicy(), "", week.Add(2*time.Hour))[0]
	if verdict.Action != perch.ExpiryWarn {
		t.Errorf("%+v", verdict)
	}
	// The end is the same as before the pin, and Slack is told again: once.
	card.Slack.Warned = verdict.Warning.Key()
	for _, want := range []string{"", "posted"} {
		warn := perch.Note{Kind: perch.NoteWarn, StackID: stack.ID, Created: newYear, Warning: verdict.Warning}
		if err := EnterKeep(&card, warn, perch.PolicyExpiry{}, week.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if card.Slack.Warned != want {
			t.Errorf("Slack was warned of %q, want %q", card.Slack.Warned, want)
		}
		card.Slack.Warned = "posted"
	}
}

// TestExpiryNeedsAChannel has an environment that has not been used for long and, according to its
// card, was warned about. It stays if no one can have read the warning.
func TestExpiryNeedsAChannel(t *testing.T) {
	stack, week := expiryStack("login", newYear), newYear.Add(168*time.Hour)
	open, closed := []PullRequest{{Number: 1, Open: true}}, []PullRequest{{Number: 1}}
	commented := perch.GitHubMemory{Comments: []perch.GitHubComment{{PullRequest: 1}}}
	for name, c := range map[string]struct {
		gitHub, comment, slack bool
		change                 func(*perch.Card)
		pulls                  []PullRequest
		// keeps explains why no one can be warned; empty if someone can.
		keeps string
	}{
		"comments on a pull request":   {true, true, false, nil, open, ""},
		"a comment on a closed one":    {true, true, false, func(c *perch.Card) { c.GitHub = commented }, closed, ""},
		"Slack alone":                  {false, true, true, nil, nil, ""},
		"Slack, and comments are off":  {true, false, true, nil, open, ""},
		"no pull request":              {true, true, false, nil, nil, "the branch has no pull request"},
		"a closed one without comment": {true, true, false, nil, closed, "the branch has no pull request"},
		"a git repository":             {false, true, false, nil, nil, "neither `source.github` nor"},
		"comments are off":             {true, false, false, nil, open, "`reports.github.comment: false`"},
		"perch.yaml wants no comment": {
			true, true, false, func(c *perch.Card) { c.Muted.Comment = true }, open, "perch.yaml has",
		},
	} {
		policy := expiryPolicy()
		policy.Reports = perch.PolicyReports{Slack: c.slack, GitHub: perch.ReportsGitHub{Comment: c.comment}}
		if c.gitHub {
			policy.Source.GitHub = &perch.GitHubSource{Repository: "acme/shop"}
		}
		card := expiryCard(stack, 168, 0)
		card.ExpiryWarning = &perch.ExpiryWarning{Deadline: week, End: week, At: newYear}
		if c.change != nil {
			c.change(&card)
		}
		cards := KnownCards{BySlug: map[string]perch.Card{slugOf(stack): card}}
		verdict := JudgeExpiry(stack, cards, policy, "", week)
		reason := verdict.Reason
		if verdict.Action == perch.ExpiryRemove {
			reason = NoPullRequest(card, c.pulls, policy)
		} else if !verdict.Deadline.IsZero() {
			t.Errorf("%s: it does not expire, and its end is %s", name, verdict.Deadline)
		}
		if c.keeps == "" && reason != "" || !strings.Contains(reason, c.keeps) {
			t.Errorf("%s: %+v; %q, want %q", name, verdict, reason, c.keeps)
		}
	}
}

func TestNothingKeepsAnEnvironmentThatIsBeingDeleted(t *testing.T) {
	stack := expiryStack("login", newYear)
	for status, want := range map[string]string{
		"CREATE_COMPLETE": "", "UPDATE_IN_PROGRESS": "",
		"DELETE_IN_PROGRESS": "has begun", "DELETE_FAILED": "has begun",
	} {
		stack.Status = status
		err := MayBeKept(stack, expiryPolicy(), "")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", status, err, want)
		}
	}
}

// TestUnpinEndsThePinOfALabelThatIsStillThere unpins an environment that a label has pinned. Only
// if the label is set again does it pin again.
func TestUnpinEndsThePinOfALabelThatIsStillThere(t *testing.T) {
	stack := expiryStack("login", newYear)
	card := expiryCard(stack, 168, 0)
	card.Pin = &perch.Pin{PullRequest: 3, Until: newYear.Add(100 * time.Hour)}
	note := perch.Note{Kind: perch.NoteUnpin, Branch: "login", StackID: stack.ID, Created: newYear, By: "ana"}
	if err := EnterKeep(&card, note, perch.PolicyExpiry{}, newYear); err != nil || card.Pin.Holds(newYear) {
		t.Fatalf("%v, pin %+v", err, card.Pin)
	}
	labelled := []PullRequest{{Number: 3, Open: true, Labels: []string{perch.LabelKeep}}}
	if again := LabelNote(card, labelled, newYear); again != nil {
		t.Errorf("the label pins again: %+v", again)
	}
	labelled[0].Labels = nil
	gone := LabelNote(card, labelled, newYear)
	if gone == nil || gone.Kind != perch.NoteUnpin {
		t.Fatalf("without the label: %+v", gone)
	}
	gone.Branch, gone.StackID, gone.Created = "login", stack.ID, newYear
	if err := EnterKeep(&card, *gone, perch.PolicyExpiry{}, newYear); err != nil || card.Pin != nil {
		t.Errorf("%v, pin %+v", err, card.Pin)
	}
}

func TestPlanExpiryKeepsWhatItDoesNotKnow(t *testing.T) {
	stack := expiryStack("login", newYear)
	late := newYear.Add(9000 * time.Hour)
	card := map[string]perch.Card{slugOf(stack): expiryCard(stack, 1, 1)}
	unused := expiryCard(stack, 1, 1)
	unused.Activity = perch.Activity{}
	for name, cards := range map[string]KnownCards{
		"no card":            {},
		"an unreadable card": {BySlug: card, Unreadable: map[string]string{slugOf(stack): "it is no JSON"}},
		"no cards":           {BySlug: card, Problem: "S3 does not answer"},
		"a lost card":        {BySlug: map[string]perch.Card{slugOf(stack): unused}},
	} {
		if verdicts := PlanExpiry(
			[]Found{stack}, cards, expiryPolicy(), "", late,
		); len(verdicts) != 1 || verdicts[0].Action != perch.ExpiryKeep || verdicts[0].Reason == "" {
			t.Errorf("%s: %+v", name, verdicts)
		}
	}
	for _, branch := range []string{"main", "release/1"} {
		protected := expiryStack(branch, newYear)
		cards := KnownCards{BySlug: map[string]perch.Card{slugOf(protected): expiryCard(protected, 1, 1)}}
		if verdicts := PlanExpiry(
			[]Found{protected}, cards, expiryPolicy(), "", late,
		); verdicts[0].Action != perch.ExpiryKeep || !strings.HasPrefix(verdicts[0].Reason, "protected") {
			t.Errorf("%s: %+v", branch, verdicts)
		}
	}
	foreign := stack
	foreign.Tags = nil
	if verdicts := PlanExpiry([]Found{foreign}, KnownCards{}, expiryPolicy(), "", late); len(verdicts) != 0 {
		t.Errorf("a foreign stack: %+v", verdicts)
	}
}

// tenant is one environment of the year, with what it remembers for the checks.
type tenant struct {
	stack  Found
	card   perch.Card
	exists bool
	// used is the time of the last use. delivered is when the last warning was delivered.
	used, delivered time.Time
	// protected explains why its environment never expires; empty if it may.
	protected string
}

// TestExpiryYear lets a year pass over 30 branches: pushes, pins, extensions, warnings that cannot
// be delivered, cards that cannot be read, and sweeps that are missed. No environment is removed
// that was warned less than a day before, is pinned or protected, was used within a week, or whose
// card cannot be read; and every unused one ends.
func TestExpiryYear(t *testing.T) {
	for seed, percent := range []struct{ broken, missed uint64 }{
		{0, 0}, {50, 0}, {0, 50}, {50, 50}, {95, 0}, {0, 95}, {80, 80},
	} {
		t.Run(fmt.Sprintf(
			"%d %% of the warnings fail, %d %% of the sweeps are missed", percent.broken, percent.missed,
		), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			tenants := make([]*tenant, 30)
			for i := range tenants {
				tenants[i] = &tenant{}
				tenants[i].create(i, newYear)
			}
			for now := newYear; now.Before(newYear.AddDate(1, 0, 0)); now = now.Add(2 * time.Hour) {
				for i, tenant := range tenants {
					tenant.live(t, i, now, random.IntN(300))
				}
				if random.Uint64N(100) >= percent.missed {
					sweepYear(t, tenants, now, random, percent.broken)
				}
			}
			for _, tenant := range tenants {
				if tenant.protected != "" && !tenant.exists {
					t.Errorf("%s was removed, and is protected: %s", tenant.stack.Name, tenant.protected)
				}
			}
		})
	}
}

func (e *tenant) create(i int, now time.Time) {
	branch := fmt.Sprintf("branch-%d", i)
	switch i % 10 {
	case 0:
		branch, e.protected = fmt.Sprintf("release/%d", i), "by a pattern"
	case 1:
		e.protected = "by a tag"
	case 2:
		e.protected = "from termination"
	}
	e.stack = expiryStack(branch, now)
	e.stack.ID += now.String()
	e.stack.Protected = e.protected == "from termination"
	if e.protected == "by a tag" {
		e.stack.Tags[perch.TagProtect] = "true"
	}
	e.card = expiryCard(e.stack, 168, 1440)
	e.exists, e.used, e.delivered = true, now, time.Time{}
}

// live makes the changes that people make to one environment within an hour.
func (e *tenant) live(t *testing.T, i int, now time.Time, draw int) {
	switch draw {
	case 0:
		if !e.exists {
			e.create(i, now)
		}
		EnterActivity(&e.card, perch.Activity{Kind: perch.ActivityPush, At: now}, perch.PolicyExpiry{})
		e.used = now
	case 1:
		e.note(t, perch.Note{Kind: perch.NotePin, Reason: "demo", Until: now.Add(100 * time.Hour)}, now)
	case 2:
		e.note(t, perch.Note{Kind: perch.NoteUnpin}, now)
	case 3:
		e.note(t, perch.Note{Kind: perch.NoteExtend, Until: now.Add(200 * time.Hour)}, now)
	}
}

// note enters a note, as a run does.
func (e *tenant) note(t *testing.T, note perch.Note, now time.Time) {
	if !e.exists {
		return
	}
	note.Branch, note.StackID, note.Created, note.By = "b", e.stack.ID, e.stack.Created, "ana"
	err := EnterKeep(&e.card, note, perch.PolicyExpiry{Pin: 720}, now)
	switch {
	case err != nil && note.Kind == perch.NoteWarn:
		t.Fatalf("a warning was rejected: %v", err)
	case err == nil && note.Kind != perch.NoteWarn:
		e.used = now
	}
}

// sweepYear plans the expiry and carries it out. One sweep in 20 can read no card, and in others
// each card is unreadable once in 10 times.
func sweepYear(t *testing.T, tenants []*tenant, now time.Time, random *rand.Rand, broken uint64) {
	var stacks []Found
	byName := map[string]*tenant{}
	cards := KnownCards{BySlug: map[string]perch.Card{}, Unreadable: map[string]string{}}
	if random.IntN(20) == 0 {
		cards.Problem = "S3 does not answer"
	}
	for _, e := range tenants {
		if !e.exists {
			continue
		}
		stacks, byName[e.stack.Name] = append(stacks, e.stack), e
		cards.BySlug[slugOf(e.stack)] = e.card
		if random.IntN(10) == 0 {
			cards.Unreadable[slugOf(e.stack)] = "it is no JSON"
		}
	}
	for _, verdict := range PlanExpiry(stacks, cards, expiryPolicy(), "", now) {
		e := byName[verdict.Stack]
		_, unread, _ := cards.find(slugOf(e.stack))
		if verdict.Action != perch.ExpiryKeep && (unread != "" || e.protected != "") {
			t.Fatalf("%+v, and it is protected %q or unread %q", verdict, e.protected, unread)
		}
		switch verdict.Action {
		case perch.ExpiryWarn:
			if random.Uint64N(100) >= broken {
				e.note(t, perch.Note{Kind: perch.NoteWarn, Warning: verdict.Warning}, now)
				e.card.ExpiryWarning.At, e.delivered = now, now
			}
		case perch.ExpiryRemove:
			atItsLongest := !now.Before(e.stack.Created.Add(1440 * time.Hour))
			switch {
			case e.delivered.IsZero() || now.Sub(e.delivered) < 24*time.Hour:
				t.Fatalf("removed at %s, and warned at %s: %+v", now, e.delivered, verdict)
			case e.card.Pin != nil && e.card.Pin.Until.After(now):
				t.Fatalf("removed at %s, and pinned until %s", now, e.card.Pin.Until)
			case !atItsLongest && (now.Sub(e.used) < 168*time.Hour || now.Before(e.card.Extended)):
				t.Fatalf("removed at %s, used at %s and extended until %s", now, e.used, e.card.Extended)
			}
			e.exists = false
		case perch.ExpiryKeep:
			if idle := now.Sub(latest(e.used, e.card.Extended)); idle > 400*time.Hour && e.card.Pin == nil &&
				unread == "" && e.protected == "" && !e.delivered.IsZero() && now.Sub(e.delivered) > 200*time.Hour {
				t.Fatalf("kept at %s, not used since %s: %+v", now, e.used, verdict)
			}
		}
	}
}

func TestEffectiveExpiryIsWithinThePolicy(t *testing.T) {
	for name, c := range map[string]struct {
		asked  *perch.Expiry
		bounds perch.PolicyExpiry
		want   perch.Expiry
	}{
		"nothing": {nil, perch.PolicyExpiry{}, perch.Expiry{Warn: 24, Extend: 72}},
		"the policy's": {
			nil, perch.PolicyExpiry{Idle: 168, Max: 720}, perch.Expiry{Idle: 168, Max: 720, Warn: 24, Extend: 72},
		},
		"perch.yaml's, if shorter": {
			&perch.Expiry{Idle: 100, Max: 200, Warn: 2, Extend: 9}, perch.PolicyExpiry{Idle: 168, Max: 720, Extend: 10},
			perch.Expiry{Idle: 100, Max: 200, Warn: 2, Extend: 9},
		},
		"the policy's, if shorter": {
			&perch.Expiry{Idle: 200, Max: 900, Extend: 90}, perch.PolicyExpiry{Idle: 168, Max: 720, Extend: 10},
			perch.Expiry{Idle: 168, Max: 720, Warn: 24, Extend: 10},
		},
		"a warning beyond the life": {nil, perch.PolicyExpiry{Idle: 12}, perch.Expiry{Idle: 12, Warn: 6, Extend: 72}},
		"the policy's warning, if longer": {
			&perch.Expiry{Idle: 168, Warn: 2}, perch.PolicyExpiry{Warn: 48},
			perch.Expiry{Idle: 168, Warn: 48, Extend: 72},
		},
		"the policy's warning, if none is asked": {
			nil, perch.PolicyExpiry{Idle: 168, Warn: 48}, perch.Expiry{Idle: 168, Warn: 48, Extend: 72},
		},
		"the policy's warning, also beyond the life": {
			&perch.Expiry{Idle: 40, Warn: 2}, perch.PolicyExpiry{Warn: 48},
			perch.Expiry{Idle: 40, Warn: 48, Extend: 72},
		},
		"a warning of an hour's life": {nil, perch.PolicyExpiry{Max: 1}, perch.Expiry{Max: 1, Warn: 1, Extend: 72}},
	} {
		if got := EffectiveExpiry(c.asked, c.bounds); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestEnterKeep has a card of an environment that was created at the new year, was not used since,
// and expires in a week.
func TestEnterKeep(t *testing.T) {
	now := newYear.Add(100 * time.Hour)
	week := newYear.Add(168 * time.Hour)
	bounds := perch.PolicyExpiry{Extend: 100, Pin: 720}
	pinned := func(c *perch.Card) { c.Pin = &perch.Pin{By: "bob", Reason: "review", Until: now.Add(50 * time.Hour)} }
	removing := func(c *perch.Card) { c.State.Phase = perch.PhaseRemoving }
	const tooLong = "an extension until 2026-01-12 05:00 UTC is longer than the policy allows: " +
		"100h beyond 2026-01-08 00:00 UTC"
	for name, c := range map[string]struct {
		change func(*perch.Card)
		note   perch.Note
		// wants is the beginning of the rejection; empty if the note is entered.
		wants string
	}{
		"a pin": {nil, perch.Note{Kind: perch.NotePin, Reason: "demo"}, ""},
		"a pin without a reason": {
			nil, perch.Note{Kind: perch.NotePin, Reason: " \n"}, "a pin needs a reason",
		},
		"a pin with a long reason": {
			nil, perch.Note{Kind: perch.NotePin, Reason: strings.Repeat("é", 201)},
			"the reason of a pin has 201 characters",
		},
		"a pin in the past": {
			nil, perch.Note{Kind: perch.NotePin, Reason: "demo", Until: now},
			"the pin would end at 2026-01-05 04:00 UTC, which is past",
		},
		"a pin beyond the policy": {
			nil, perch.Note{Kind: perch.NotePin, Reason: "demo", Until: now.Add(721 * time.Hour)},
			"the pin would end at",
		},
		"a pin that is shorter": {
			pinned, perch.Note{Kind: perch.NotePin, Reason: "demo", Until: now.Add(time.Hour)},
			"branch b is pinned by bob until 2026-01-07 06:00 UTC: review, which is longer",
		},
		"a pin that is longer": {
			pinned, perch.Note{Kind: perch.NotePin, Reason: "demo", Until: now.Add(60 * time.Hour)}, "",
		},
		"no pin to end":         {nil, perch.Note{Kind: perch.NoteUnpin}, "branch b is not pinned"},
		"the end of a pin":      {pinned, perch.Note{Kind: perch.NoteUnpin}, ""},
		"an extension":          {nil, perch.Note{Kind: perch.NoteExtend}, ""},
		"an extension by hours": {nil, perch.Note{Kind: perch.NoteExtend, Longer: 100}, ""},
		"an extension too long": {
			nil, perch.Note{Kind: perch.NoteExtend, Longer: 101},
			tooLong,
		},
		"an extension of an extension": {
			func(c *perch.Card) { c.Extended = week.Add(100 * time.Hour) },
			perch.Note{Kind: perch.NoteExtend, Longer: 1},
			tooLong,
		},
		"an extension within its length": {
			func(c *perch.Card) { c.Extended = week.Add(50 * time.Hour) },
			perch.Note{Kind: perch.NoteExtend, Longer: 50}, "",
		},
		"an extension while it is removed": {
			removing, perch.Note{Kind: perch.NoteExtend}, "the removal of the environment of branch b has begun",
		},
		"a pin while it is removed": {
			removing, perch.Note{Kind: perch.NotePin, Reason: "demo"},
			"the removal of the environment of branch b has begun, and nothing stops it; `perch up b` makes",
		},
		"an extension in the past": {
			nil, perch.Note{Kind: perch.NoteExtend, Until: newYear}, "2026-01-01 00:00 UTC is past",
		},
		"an extension before the end": {
			nil, perch.Note{Kind: perch.NoteExtend, Until: week.Add(-time.Hour)},
			"branch b expires at 2026-01-08 00:00 UTC only",
		},
		"an extension of no end": {
			func(c *perch.Card) { c.Expiry = nil }, perch.Note{Kind: perch.NoteExtend},
			"branch b cannot be extended: it does not expire",
		},
		"an extension beyond the longest life": {
			func(c *perch.Card) { c.Expiry.Max = 200 }, perch.Note{Kind: perch.NoteExtend},
			"branch b can be extended until 2026-01-09 08:00 UTC at most",
		},
		"another environment": {
			func(c *perch.Card) { c.StackID = "other" }, perch.Note{Kind: perch.NotePin, Reason: "demo"},
			"branch b has another environment now",
		},
		"a lost card": {
			func(c *perch.Card) { *c = perch.Card{} }, perch.Note{Kind: perch.NotePin, Reason: "demo"}, "",
		},
		"a warning": {
			nil, perch.Note{Kind: perch.NoteWarn, Warning: &perch.ExpiryWarning{Deadline: week}}, "",
		},
		"a warning after a push": {func(c *perch.Card) { c.Activity.At = now }, perch.Note{
			Kind: perch.NoteWarn, Warning: &perch.ExpiryWarning{Deadline: week},
		}, "branch b does not expire as the warning says"},
		"a warning after a pin": {
			pinned, perch.Note{Kind: perch.NoteWarn, Warning: &perch.ExpiryWarning{Deadline: week}},
			"branch b does not expire",
		},
		"a warning of nothing": {nil, perch.Note{Kind: perch.NoteWarn}, "branch b does not expire"},
		"a report": {
			nil, perch.Note{Kind: perch.NoteReport}, "a note of kind \"report\" keeps no environment",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := expiryStack("b", newYear)
			card := expiryCard(stack, 168, 0)
			if c.change != nil {
				c.change(&card)
			}
			before := card
			c.note.Branch, c.note.StackID, c.note.Created, c.note.By = "b", stack.ID, newYear, "ana"
			err := EnterKeep(&card, c.note, bounds, now)
			switch {
			case err == nil && c.wants != "" ||
				err != nil && (c.wants == "" || !strings.HasPrefix(err.Error(), c.wants)):
				t.Errorf("%v, want %q", err, c.wants)
			case err != nil && (card.Pin != before.Pin || card.Extended != before.Extended ||
				card.Activity != before.Activity || card.ExpiryWarning != before.ExpiryWarning):
				t.Errorf("it was rejected, and the card is %+v", card)
			case err == nil && c.note.Kind != perch.NoteWarn &&
				(card.Activity.By != "ana" || !card.Activity.At.Equal(now)):
				t.Errorf("the activity is %+v", card.Activity)
			}
		})
	}
}

func TestLabelNote(t *testing.T) {
	now := newYear
	label := func(number int) []PullRequest {
		return []PullRequest{{Number: number, Open: true, Labels: []string{perch.LabelKeep}}}
	}
	pin := func(pull int, until time.Time) perch.Card {
		return perch.Card{Pin: &perch.Pin{PullRequest: pull, Until: until}}
	}
	for name, c := range map[string]struct {
		card  perch.Card
		pulls []PullRequest
		want  perch.NoteKind
	}{
		"no label": {perch.Card{}, []PullRequest{{Number: 3, Open: true}}, ""},
		"a label":  {perch.Card{}, label(3), perch.NotePin},
		"a closed pull request": {
			perch.Card{}, []PullRequest{{Number: 3, Labels: []string{perch.LabelKeep}}}, "",
		},
		"a closed one whose label has pinned": {
			pin(3, now.Add(time.Hour)), []PullRequest{{Number: 3, Labels: []string{perch.LabelKeep}}}, "",
		},
		"a closed one whose pin has ended": {
			pin(3, now), []PullRequest{{Number: 3, Labels: []string{perch.LabelKeep}}}, "",
		},
		"a closed one without its label": {pin(3, now.Add(time.Hour)), []PullRequest{{Number: 3}}, perch.NoteUnpin},
		"another closed one with a label": {
			pin(3, now.Add(time.Hour)), []PullRequest{{Number: 4, Labels: []string{perch.LabelKeep}}}, perch.NoteUnpin,
		},
		"an open one beside a closed one": {
			pin(3, now), append(label(4), PullRequest{Number: 3, Labels: []string{perch.LabelKeep}}), perch.NotePin,
		},
		"a label that pins already":          {pin(3, now.Add(time.Hour)), label(3), ""},
		"a label whose pin has ended":        {pin(3, now), label(3), ""},
		"another label after that":           {pin(3, now), label(4), perch.NotePin},
		"a label beside a person's pin":      {pin(0, now.Add(time.Hour)), label(3), ""},
		"a label after a person's pin":       {pin(0, now), label(3), perch.NotePin},
		"the label is gone":                  {pin(3, now.Add(time.Hour)), nil, perch.NoteUnpin},
		"the label is gone after its pin":    {pin(3, now), nil, perch.NoteUnpin},
		"no label, and a person's pin holds": {pin(0, now.Add(time.Hour)), nil, ""},
	} {
		note := LabelNote(c.card, c.pulls, now)
		if note == nil && c.want != "" || note != nil && note.Kind != c.want {
			t.Errorf("%s: %+v, want %q", name, note, c.want)
		}
	}
}

// TestPinAndExpiryAtTheLastLook judges an environment that expired, and looks again when its grace
// period is over.
func TestPinAndExpiryAtTheLastLook(t *testing.T) {
	stack := expiryStack("login", newYear)
	now := newYear.Add(300 * time.Hour)
	week := newYear.Add(168 * time.Hour)
	for name, c := range map[string]struct {
		change func(*perch.Card)
		seen   func(*LastSeen)
		want   string
	}{
		"nothing has changed": {nil, nil, ""},
		"the branch is gone":  {nil, func(s *LastSeen) { s.Alive = false }, ""},
		"pinned": {
			func(c *perch.Card) { c.Pin = &perch.Pin{By: "ana", Reason: "demo", Until: now.Add(time.Hour)} }, nil,
			"pinned by ana until",
		},
		"pinned, and the branch is gone": {
			func(c *perch.Card) { c.Pin = &perch.Pin{By: "ana", Reason: "demo", Until: now.Add(time.Hour)} },
			func(s *LastSeen) { s.Alive = false }, "pinned by ana until",
		},
		"extended": {
			func(c *perch.Card) { c.Extended = now.Add(time.Hour) }, nil, "it has not expired: its extension has ended",
		},
		"used": {
			func(c *perch.Card) { c.Activity.At = now }, nil, "it has not expired: not used for 168h",
		},
		"the card is lost": {
			nil, func(s *LastSeen) { s.Cards = KnownCards{} }, "it has not expired: when it was used last is not known",
		},
		"the card is unreadable": {
			nil, func(s *LastSeen) { s.Cards = KnownCards{Unreadable: map[string]string{"login": "no JSON"}} },
			"its card cannot be read: no JSON",
		},
		"another commit": {
			nil, func(s *LastSeen) { other := *s.Stack; other.Commit = "new"; s.Stack = &other },
			"another commit was deployed",
		},
		"labelled": {nil, func(s *LastSeen) {
			s.Pulls = []PullRequest{{Number: 3, Open: true, Labels: []string{perch.LabelKeep}}}
		}, "pull request #3 has the label perch:keep"},
		"labels that cannot be read": {
			nil, func(s *LastSeen) { s.Unread = "GitHub answered 403" },
			"a label may keep it, and the pull requests of branch login cannot be read: GitHub answered 403",
		},
		"labels that cannot be read, and the branch is gone": {
			nil, func(s *LastSeen) { s.Alive, s.Unread = false, "GitHub answered 403" }, "",
		},
		"a label that no run has seen, and the branch is gone": {nil, func(s *LastSeen) {
			s.Alive, s.Pulls = false, []PullRequest{{Number: 3, Labels: []string{perch.LabelKeep}}, {Number: 2}}
		}, "pull request #3 has the label perch:keep"},
		"a label whose pin has ended, and the branch is gone": {
			func(c *perch.Card) { c.Pin = &perch.Pin{PullRequest: 3, Until: now} },
			func(s *LastSeen) {
				s.Alive, s.Pulls = false, []PullRequest{{Number: 3, Labels: []string{perch.LabelKeep}}}
			}, "",
		},
		"a label of an older pull request, and the branch is gone": {nil, func(s *LastSeen) {
			s.Alive, s.Pulls = false, []PullRequest{{Number: 3}, {Number: 2, Labels: []string{perch.LabelKeep}}}
		}, ""},
		"archived": {nil, func(s *LastSeen) { s.Archived = true }, Archived},
		"a policy without expiry": {
			func(c *perch.Card) { c.Expiry = nil }, nil, "it has not expired: it does not expire",
		},
	} {
		t.Run(name, func(t *testing.T) {
			card := expiryCard(stack, 168, 0)
			card.ExpiryWarning = &perch.ExpiryWarning{Deadline: week, At: week}
			if c.change != nil {
				c.change(&card)
			}
			seen := LastSeen{
				Branch: "login", Stack: &stack, Alive: true, Now: now,
				Cards: KnownCards{BySlug: map[string]perch.Card{"login": card}},
			}
			if c.seen != nil {
				c.seen(&seen)
			}
			judged := perch.Judgement{StackID: stack.ID, Commit: stack.Commit, Expired: true}
			if got := LastLook(
				judged, seen, expiryPolicy(),
			); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestPinHoldsCleanup(t *testing.T) {
	gone := stackOf(t, "gone")
	listing := branches()
	listing.Now = newYear
	for name, c := range map[string]struct {
		cards  KnownCards
		want   perch.Verdict
		reason string
	}{
		"no card": {KnownCards{}, perch.VerdictRemove, "branch missing"},
		"pinned": {KnownCards{BySlug: map[string]perch.Card{
			"gone": {Pin: &perch.Pin{By: "ana", Reason: "demo", Until: newYear.Add(time.Hour)}},
		}}, perch.VerdictHold, "pinned by ana until 2026-01-01 01:00 UTC: demo"},
		"its pin has ended": {KnownCards{
			BySlug: map[string]perch.Card{"gone": {Pin: &perch.Pin{By: "ana", Reason: "demo", Until: newYear}}},
		}, perch.VerdictRemove, "branch missing"},
		"unreadable": {
			KnownCards{Unreadable: map[string]string{"gone": "no JSON"}}, perch.VerdictHold,
			"its card cannot be read: no JSON",
		},
		"no cards": {
			KnownCards{Problem: "S3 does not answer"}, perch.VerdictHold, "its card cannot be read: S3 does not answer",
		},
	} {
		listing.Cards = c.cards
		plan := PlanCleanup(listing, []Found{gone}, shopPolicy(), "")
		if len(plan.Verdicts) != 1 || plan.Verdicts[0].Verdict != c.want || plan.Verdicts[0].Reason != c.reason {
			t.Errorf("%s: %+v", name, plan.Verdicts)
		}
	}
}
