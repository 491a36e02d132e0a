package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2/memstore"
	sdk "go.temporal.io/sdk/temporal"

	"perch"
	"perch/client"
	"perch/web/pages"
)

// formOf returns the form that the page of an environment sends for an action.
func formOf(action pages.Action, branch string) url.Values {
	form := url.Values{"branch": {branch}}
	switch action {
	case pages.ActionRedeploy:
		form.Set("commit", commitOne)
	case pages.ActionExtend:
		form.Set("for", "72h")
	case pages.ActionPin:
		form.Set("for", "24h")
		form.Set("reason", "demo on Friday")
	case pages.ActionRemove:
		form.Set("confirm", branch)
	case pages.ActionApprove:
		form = url.Values{"hash": {planOfTest}}
	}
	return form
}

// TestEveryRoleMayDoItsActionsAndNoOthers requests every action over HTTP in every role, on an
// environment of a branch and on staging. An allowed action is carried out once. A denied one
// leaves only its line in the log.
func TestEveryRoleMayDoItsActionsAndNoOthers(t *testing.T) {
	const (
		ofBranch = "feature/login"
		staging  = "main"
	)
	all := fmt.Sprint(pages.Actions())
	allowed := map[string]map[string]string{
		"stranger": {ofBranch: "", staging: ""},
		"rita":     {ofBranch: "", staging: ""},
		"tom":      {ofBranch: "", staging: ""},
		"ana":      {ofBranch: "[redeploy extend pin unpin remove]", staging: ""},
		"max":      {ofBranch: all, staging: "[redeploy approve]"},
		"ada":      {ofBranch: all, staging: "[redeploy approve]"},
	}
	// What the worker always rejects does not depend on the role.
	rejected := map[string]int{"max" + staging: http.StatusConflict, "ada" + staging: http.StatusConflict}
	for login, branches := range allowed {
		for branch, actions := range branches {
			for _, action := range pages.Actions() {
				t.Run(fmt.Sprintf("%s/%s/%s", login, branch, action), func(t *testing.T) {
					s := newSite(t, behindProxy)
					p := s.visitor(t)
					p.header.Set("X-Forwarded-User", login)
					status, body := p.send(http.MethodPost, "/actions/"+string(action), formOf(action, branch))
					may := strings.Contains(actions, string(action))
					taken, log := s.taker.taken(), s.log.String()
					line := fmt.Sprintf("msg=action who=%s", login)
					switch {
					case may && (status != http.StatusOK || taken != 1 || !strings.Contains(log, "outcome=done")):
						t.Errorf("it is answered %d and taken %d times: %.300s", status, taken, body)
					case !may && (status != cmp.Or(rejected[login+branch], http.StatusForbidden) || taken != 0 ||
						!strings.Contains(log, "outcome=rejected")):
						t.Errorf("it is answered %d and taken %d times: %.300s", status, taken, body)
					case !strings.Contains(log, line) || !strings.Contains(log, "action="+string(action)):
						t.Errorf("the log does not have %q: %s", line, log)
					}
				})
			}
		}
	}
}

func TestActionsAreTheSameRequestsAsTheStarters(t *testing.T) {
	s := newSite(t, nil)
	p := s.person(t, "max")
	for _, action := range pages.Actions() {
		status, body := p.send(http.MethodPost, "/actions/"+string(action), formOf(action, "feature/login"))
		wantAnswer(t, status, body, http.StatusOK)
	}
	up, gone := s.taker.requests[0], s.taker.requests[1]
	if up.Goal != perch.GoalUp || up.Commit != commitOne || up.By != "web:max" || up.Project != "shop" ||
		up.Branch != "feature/login" || up.ID == "" {
		t.Errorf("redeploy requests %+v", up)
	}
	if gone.Goal != perch.GoalGone || gone.Commit != "" || gone.By != "web:max" || gone.Force || gone.Judged != nil ||
		gone.ID == up.ID {
		t.Errorf("remove requests %+v", gone)
	}
	extend, pin, unpin := s.taker.notes[0], s.taker.notes[1], s.taker.notes[2]
	if extend.Kind != perch.NoteExtend || extend.Longer != 72 || extend.By != "web:max" ||
		extend.Branch != "feature/login" {
		t.Errorf("extend notes %+v", extend)
	}
	if pin.Kind != perch.NotePin || pin.Reason != "demo on Friday" || pin.Until.Sub(pin.At).Hours() != 24 {
		t.Errorf("pin notes %+v", pin)
	}
	if unpin.Kind != perch.NoteUnpin || unpin.By != "web:max" {
		t.Errorf("unpin notes %+v", unpin)
	}
	if cleanup := s.taker.cleanups[0]; cleanup.Approved != planOfTest || cleanup.Project != "shop" ||
		cleanup.By != "web:max" || cleanup.Now {
		t.Errorf("approve requests %+v", cleanup)
	}
	if log := s.log.String(); !strings.Contains(log, "request="+up.ID) {
		t.Errorf("the log does not name the request %s: %s", up.ID, log)
	}
}

// TestAPermissionIsAskedAgainWhenAnActionIsCarriedOut takes the permission away after the page was
// opened.
func TestAPermissionIsAskedAgainWhenAnActionIsCarriedOut(t *testing.T) {
	s := newSite(t, nil)
	p := s.person(t, "ana")
	before := s.worker.times("/v1/permission?fresh=true")
	p.send(http.MethodGet, "/", nil)
	if asked := s.worker.times("/v1/permission?fresh=true"); asked != before {
		t.Errorf("a page asks %d times for what is not cached", asked-before)
	}
	s.worker.change(func(w *worker) { w.cached, w.roles["ana"] = map[string]string{"ana": "write"}, "read" })
	status, body := p.send(http.MethodPost, "/actions/redeploy", redeployLogin)
	wantAnswer(t, status, body, http.StatusForbidden, "this needs write")
	if asked := s.worker.times("/v1/permission?fresh=true"); asked != before+1 || s.taker.taken() != 0 {
		t.Errorf("the permission was asked %d times, and %d requests were taken", asked-before, s.taker.taken())
	}
}

// TestGitHubAndAWSAreNotAskedForWhatIsRejectedAnyway checks that a person with few permissions
// cannot use up the worker's quota.
func TestGitHubAndAWSAreNotAskedForWhatIsRejectedAnyway(t *testing.T) {
	for name, c := range map[string]struct {
		login, path string
		form        url.Values
		status      int
	}{
		"a reader":               {"rita", "/actions/redeploy", redeployLogin, http.StatusForbidden},
		"a reader approves":      {"rita", "/actions/approve", url.Values{"hash": {planOfTest}}, http.StatusForbidden},
		"a writer approves":      {"ana", "/actions/approve", url.Values{"hash": {planOfTest}}, http.StatusForbidden},
		"an unknown action":      {"ada", "/actions/explode", redeployLogin, http.StatusNotFound},
		"a form without meaning": {"ada", "/actions/redeploy", url.Values{"branch": {"a..b"}}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			p := s.person(t, c.login)
			for range 3 {
				status, body := p.send(http.MethodPost, c.path, c.form)
				wantAnswer(t, status, body, c.status)
			}
			fresh, looks := s.worker.times("/v1/permission?fresh=true"), s.worker.times("/v1/environment?")
			if fresh != 0 || looks != 0 {
				t.Errorf("the permission was looked up %d times, and the environment %d times", fresh, looks)
			}
		})
	}
}

func TestAnActionIsDecidedOnAFreshPage(t *testing.T) {
	for question, c := range map[string]struct {
		action pages.Action
		form   url.Values
	}{
		"/v1/environment?branch=feature%2Flogin&fresh=true": {pages.ActionRedeploy, redeployLogin},
		"/v1/environments?fresh=true":                       {pages.ActionApprove, url.Values{"hash": {planOfTest}}},
	} {
		s := newSite(t, nil)
		p := s.person(t, "ada")
		status, body := p.send(http.MethodPost, "/actions/"+string(c.action), c.form)
		if wantAnswer(t, status, body, http.StatusOK); s.worker.times(question) != 1 {
			t.Errorf("%s does not ask %s", c.action, question)
		}
	}
}

func TestTooManyActionsAreRejectedForAWhile(t *testing.T) {
	s := newSite(t, nil)
	p := s.person(t, "ana")
	s.worker.change(func(w *worker) { w.tooOften = true })
	status, body := p.send(http.MethodPost, "/actions/redeploy", redeployLogin)
	wantAnswer(t, status, body, http.StatusTooManyRequests, "Nothing was done: try again in a minute.")
	if taken := s.taker.taken(); taken != 0 {
		t.Errorf("%d requests were taken", taken)
	}
}

func TestBadInputGetsASentenceAndAWayBackAndDoesNothing(t *testing.T) {
	login := func(more ...string) url.Values {
		form := url.Values{"branch": {"feature/login"}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	for name, test := range map[string]struct {
		path   string
		form   url.Values
		before func(s *site)
		status int
		says   string
		back   string
	}{
		"an unknown action": {"/actions/explode", login(), nil, 404, "no page at this address", "/"},
		"an unknown branch": {
			"/actions/redeploy", url.Values{"branch": {"feature/none"}}, nil, 404,
			"The branch feature/none has no environment", "/",
		},
		"no branch":         {"/actions/redeploy", url.Values{}, nil, 400, "Nothing was done", "/"},
		"an invalid branch": {"/actions/pin", url.Values{"branch": {"a..b"}}, nil, 400, "Nothing was done", "/"},
		"an environment that has just gone": {"/actions/redeploy", redeployLogin, func(s *site) {
			s.worker.change(func(w *worker) { w.overview.Environments = w.overview.Environments[1:] })
		}, 404, "The branch feature/login has no environment, or none any more", "/"},
		"a worker that does not answer": {"/actions/redeploy", redeployLogin, func(s *site) {
			s.worker.change(func(w *worker) { w.away = true })
		}, 503, "GitHub could not be asked", "/environment?branch=feature%2Flogin"},
		"an AWS that does not answer": {"/actions/remove", login("confirm", "feature/login"), func(s *site) {
			s.worker.change(func(w *worker) { w.old = "AWS is away" })
		}, 503, "it is not known what is there now: AWS is away", "/environment?branch=feature%2Flogin"},
		"a Temporal that does not answer": {"/actions/redeploy", redeployLogin, func(s *site) {
			s.taker.err = errors.New("no Temporal answers")
		}, 503, "It is not known whether this was taken", "/environment?branch=feature%2Flogin"},
		"a worker that does not carry out": {"/actions/extend", login("for", "72h"), func(s *site) {
			s.taker.err = &client.NoAnswerError{Reason: "no worker is polling"}
		}, 503, "no worker is polling", "/environment?branch=feature%2Flogin"},
		"what the worker rejects": {"/actions/pin", login("reason", "demo"), func(s *site) {
			s.taker.err = &client.FailedError{
				Summary: "pin", Err: sdk.NewApplicationError("the policy allows pins of 720h", perch.ErrorInvalid),
			}
		}, 409, "the policy allows pins of 720h", "/environment?branch=feature%2Flogin"},
		"another name typed": {
			"/actions/remove", login("confirm", "feature/logout"), nil, 422,
			"type the name of the branch, feature/login, exactly", "/confirm?branch=feature%2Flogin",
		},
		"no name typed": {
			"/actions/remove", login(), nil, 422, "Nothing was removed", "/confirm?branch=feature%2Flogin",
		},
		"an odd duration": {
			"/actions/extend", login("for", "a while"), nil, 422, "Give whole hours from 1h to 8760h",
			"/environment?branch=feature%2Flogin",
		},
		"a duration below zero": {
			"/actions/extend", login("for", "-72h"), nil, 422, "Give whole hours",
			"/environment?branch=feature%2Flogin",
		},
		"a duration for ever": {
			"/actions/pin", login("for", "9999h", "reason", "x"), nil, 422, "Give whole hours",
			"/environment?branch=feature%2Flogin",
		},
		"half an hour": {
			"/actions/extend", login("for", "90m"), nil, 422, "Give whole hours", "/environment?branch=feature%2Flogin",
		},
		"a pin without a reason": {
			"/actions/pin", login("for", "24h", "reason", "  "), nil, 422, "say in 1 to 200 characters why",
			"/environment?branch=feature%2Flogin",
		},
		"a reason that never ends": {
			"/actions/pin", login("reason", strings.Repeat("x", 201)), nil, 422, "say in 1 to 200 characters why",
			"/environment?branch=feature%2Flogin",
		},
		"a form that never ends": {
			"/actions/pin", login("reason", strings.Repeat("x", longestForm)), nil, 400, "could not be read", "/",
		},
		"an old page": {
			"/actions/redeploy", login("commit", strings.Repeat("2", 40)), nil, 409,
			"commit 1111111 was requested after you opened the page", "/environment?branch=feature%2Flogin",
		},
		"an invalid hash": {
			"/actions/approve", url.Values{"hash": {"' OR 1=1"}}, nil, 400, "names no plan of cleanup", "/",
		},
		"a plan that is not held": {
			"/actions/approve", url.Values{"hash": {"fedcba9876543210"}}, nil, 409,
			"cleanup does not hold this plan any more", "/",
		},
		"a plan that has changed": {"/actions/approve", url.Values{"hash": {planOfTest}}, func(s *site) {
			s.taker.cleaned.Brake = &perch.CleanupBrake{Reason: "3 removals"}
		}, 409, "the plan is not the same any more: 3 removals", "/"},
		"branches not to be judged": {
			"/actions/approve", url.Values{"hash": {planOfTest}},
			func(s *site) { s.taker.cleaned.Problem = "GitHub listed no branch" }, 409, "GitHub listed no branch", "/",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			p := s.person(t, "ada")
			if test.before != nil {
				test.before(s)
			}
			status, body := p.send(http.MethodPost, test.path, test.form)
			wantAnswer(t, status, body, test.status, test.says, test.back)
			if s.taker.err == nil && test.path != "/actions/approve" && s.taker.taken() != 0 {
				t.Errorf("%d requests were taken", s.taker.taken())
			}
			if log := s.log.String(); !strings.Contains(log, "msg=action who=ada") ||
				strings.Contains(log, "outcome=done action") {
				t.Errorf("the log does not say that it was not done: %s", log)
			}
		})
	}
}

func TestAnExpiredSessionDoesNothing(t *testing.T) {
	s := newSite(t, nil)
	p := s.person(t, "ada")
	s.sessions.Store = memstore.New()
	status, body := p.send(http.MethodPost, "/actions/redeploy", redeployLogin)
	wantAnswer(t, status, body, http.StatusUnauthorized, "Your session has ended", "Nothing was done", "/signin")
	if taken := s.taker.taken(); taken != 0 {
		t.Errorf("%d requests were taken", taken)
	}
}

func TestAPageThatCannotBeShownSaysWhyAndLeadsBack(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		before func(w *worker)
		status int
		says   string
	}{
		"an unknown branch": {
			"/environment?branch=feature%2Fnone", nil, 404, "The branch feature/none has no environment",
		},
		"no branch":                 {"/environment", nil, 400, "This was not understood"},
		"an unknown life":           {"/life?id=x", nil, 404, "No environment that was removed has this record"},
		"an unknown page":           {"/admin", nil, 404, "no page at this address"},
		"a method that is not ours": {"/actions/redeploy", nil, 404, "no page at this address"},
		"a worker that is away":     {"/", func(w *worker) { w.away = true }, 503, "the worker does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, signedInLocally)
			p := s.visitor(t)
			if test.before != nil {
				s.worker.change(test.before)
			}
			status, body := p.send(http.MethodGet, test.path, nil)
			wantAnswer(t, status, body, test.status, test.says, "/")
		})
	}
}

func TestAWrongTokenIsSaidToThoseWhoRunTheDashboard(t *testing.T) {
	s := newSite(t, func(settings *Settings) {
		signedInLocally(settings)
		settings.Worker.Token = "other"
	})
	status, body := s.visitor(t).send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusServiceUnavailable, "PERCH_READ_TOKEN must have the same value in both")
}

func TestAnActionEndsWellAlthoughThePersonHasLeft(t *testing.T) {
	s := newSite(t, signedInLocally)
	s.taker.entered, s.taker.goOn = make(chan struct{}), make(chan struct{})
	p := s.visitor(t)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, s.url+"/actions/approve", strings.NewReader(url.Values{"hash": {planOfTest}}.Encode()),
	)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	left := make(chan error, 1)
	go func() {
		response, err := p.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		left <- err
	}()
	<-s.taker.entered
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the request ended with %v", err)
	}
	for range 20 { // By then the server has noticed that the connection is closed.
		s.visitor(t).send(http.MethodGet, "/", nil)
	}
	close(s.taker.goOn)
	for !strings.Contains(s.log.String(), "msg=action") && t.Context().Err() == nil {
		runtime.Gosched()
	}
	if _, said, _ := strings.Cut(s.log.String(), "msg=action"); !strings.Contains(said, "outcome=done") {
		t.Errorf("the log says %s", said)
	}
}
