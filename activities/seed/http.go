package seed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"perch"
	"perch/activities/probe"
	"perch/activities/pulse"
	"perch/activities/sourceerr"
)

const (
	// seedPatience is how long a request is repeated after answers that may be temporary, such as
	// 503.
	seedPatience = 10 * time.Minute
	// seedTimeout limits one attempt, including its answer.
	seedTimeout = 5 * time.Minute
	// seedPause is the longest pause between two attempts.
	seedPause = 30 * time.Second
	// longestAnswer is how many bytes of an answer are read, and shownAnswer how many of them are
	// shown.
	longestAnswer = 64 << 10
	shownAnswer   = 500
)

// sendRequest sends the request of an http step. It repeats the request for some time if the
// connection breaks or the answer is a 5xx. Each attempt has the same Idempotency-Key, so that the
// app can recognise a repeated request.
func (s *seeding) sendRequest(ctx context.Context, step perch.SeedHTTP, mark string) (perch.SeedDone, error) {
	call, err := s.prepareRequest(ctx, step, mark)
	if err != nil {
		return perch.SeedDone{}, err
	}
	client := probe.Client(
		call.address,
		s.in.Endpoint,
		probe.Reach{Custom: s.in.Settings.Template != "", Private: s.Policy.Network.Private},
		seedTimeout,
	)
	defer client.CloseIdleConnections()
	pause := s.Interval
	for {
		status, problem, passing := call.tryOnce(ctx, client)
		if problem == "" {
			return perch.SeedDone{Status: status}, nil
		}
		if !passing {
			return perch.SeedDone{}, s.fail("%s", problem)
		}
		s.progress.Reason = problem
		s.beats.Set(s.progress)
		if time.Since(s.progress.Since) > seedPatience {
			return perch.SeedDone{}, s.fail("it did not succeed within %s; the last answer: %s", seedPatience, problem)
		}
		if err := pulse.Linger(ctx, pause); err != nil {
			return perch.SeedDone{}, err
		}
		pause = min(2*pause, seedPause)
	}
}

// call is the request of an http step.
type call struct {
	method  string
	address *url.URL
	header  http.Header
	body    []byte
	// secret means that a header contains a secret.
	secret bool
}

func (s *seeding) prepareRequest(ctx context.Context, step perch.SeedHTTP, mark string) (*call, error) {
	address, err := url.Parse(s.in.URL)
	if err != nil || address.Host == "" {
		return nil, s.fail("the stack's output URL %q is not an address", s.in.URL)
	}
	target, err := url.ParseRequestURI(step.Path)
	if err != nil || target.Host != "" {
		return nil, s.fail("%q is not a path", step.Path)
	}
	address.Path, address.RawPath, address.RawQuery = target.Path, target.RawPath, target.RawQuery
	c := &call{method: step.Method, address: address, header: http.Header{}}
	c.header.Set("User-Agent", "perch")
	c.header.Set("Idempotency-Key", idempotencyKey(mark))
	if step.Body != "" {
		if c.body, err = s.readBody(ctx, step.Body); err != nil {
			return nil, err
		}
		c.header.Set("Content-Type", contentType(step.Body))
	}
	if step.Secret != "" {
		value, err := s.readSecret(ctx, step.Secret)
		if err != nil {
			return nil, err
		}
		c.secret = true
		if step.Header != "" {
			c.header.Set(step.Header, value)
		} else {
			c.header.Set("Authorization", "Bearer "+value)
		}
	}
	return c, nil
}

// readBody returns the file of the commit that the request sends as its body.
func (s *seeding) readBody(ctx context.Context, name string) ([]byte, error) {
	data, found, err := s.Source.File(ctx, s.in.Commit, name)
	if fault := sourceerr.CommitFault(err); fault != "" {
		return nil, s.fail("%s", fault)
	}
	if err != nil {
		return nil, sourceerr.Wrap(err, "read %s at %s", name, s.in.Commit)
	}
	if !found {
		return nil, s.fail(
			"commit %s has no file %s; correct `body` in perch.yaml or commit the file",
			s.in.Commit,
			name,
		)
	}
	return data, nil
}

func contentType(name string) string {
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// tryOnce sends the request once. passing means that the problem may be temporary. The problem
// quotes the app's answer only if the request had no secret, because an app may repeat the secret,
// in any encoding.
func (c *call) tryOnce(ctx context.Context, client *http.Client) (status int, problem string, passing bool) {
	var answering atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { answering.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, c.method, c.address.String(), bytes.NewReader(c.body))
	if err != nil {
		return 0, firstWords(err.Error()), false
	}
	request.Header = c.header.Clone()
	response, err := client.Do(request)
	if rejection := probe.Unreachable(err); rejection != "" {
		return 0, rejection, false
	}
	if err != nil {
		return 0, c.broken(err, answering.Load()), true
	}
	defer response.Body.Close()
	status = response.StatusCode
	passing = status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooEarly ||
		status == http.StatusTooManyRequests
	// The app's own text after the status code could be anything, so it is not used.
	answer := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	switch {
	case status >= 200 && status < 300:
		if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, longestAnswer)); err != nil {
			return status, fmt.Sprintf("%s, and then %s", answer, c.broken(err, true)), true
		}
		return status, "", false
	case status >= 300 && status < 400:
		if location := response.Header.Get("Location"); !c.secret {
			answer += " to " + firstWords(location)
		}
		return status, answer + "; redirects are not followed: name the path that answers", false
	case c.secret:
		return status, answer + " (the request has a secret, so the rest of the answer is not shown)", passing
	}
	// For a message, the part that can be read is enough.
	text, _ := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	return status, strings.TrimSuffix(answer+": "+firstWords(string(text)), ": "), passing
}

// broken says why the answer is missing or incomplete. Once the answer has begun, the error may
// quote it.
func (c *call) broken(err error, answering bool) string {
	if c.secret && answering {
		return "the answer broke off or is not HTTP"
	}
	var failure *url.Error
	if errors.As(err, &failure) {
		err = failure.Err // This leaves out the address, which people know.
	}
	return firstWords(err.Error())
}

// firstWords returns the beginning of a text, in one line.
func firstWords(text string) string {
	words := strings.Join(strings.Fields(strings.Map(graphic, strings.ToValidUTF8(text, ""))), " ")
	if len(words) > shownAnswer {
		words = strings.ToValidUTF8(words[:shownAnswer], "") + " ..."
	}
	return words
}
