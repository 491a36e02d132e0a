package stack

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// account answers DescribeStacks from memory: some stacks, in pages.
type account struct {
	mu       sync.Mutex
	pageSize int
	stacks   []string
	// status holds what is not CREATE_IN_PROGRESS.
	status map[string]string
	// fail, where it is set, answers instead; body and status are AWS's.
	fail func(call int) (status int, code, message string)
	at   []time.Time
}

func newAccount(stacks, pageSize int) *account {
	a := &account{pageSize: pageSize, status: map[string]string{}}
	for i := range stacks {
		a.stacks = append(a.stacks, fmt.Sprintf("stack-%04d", i))
	}
	return a
}

// poller makes a poller whose calls go to the account.
func (a *account) poller(interval time.Duration) *Poller {
	return NewPoller(cloudformation.NewFromConfig(sdk.Config{
		Region: "eu-central-1", HTTPClient: a,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}), interval)
}

// Do answers one call.
func (a *account) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	if a.fail != nil {
		if status, code, message := a.fail(len(a.at)); status != 0 {
			return xmlAnswer(
				status,
				fmt.Sprintf(
					"<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
					code,
					message,
				),
			), nil
		}
	}
	if name := form.Get("StackName"); name != "" {
		return a.one(name), nil
	}
	return a.page(form.Get("NextToken")), nil
}

func (a *account) one(id string) *http.Response {
	if !slices.Contains(a.stacks, id) {
		return xmlAnswer(
			400,
			"<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id "+id+
				" does not exist</Message></Error></ErrorResponse>",
		)
	}
	return describedStacks([]string{id}, "", a.status)
}

func (a *account) page(token string) *http.Response {
	from := 0
	if token != "" {
		if _, err := fmt.Sscan(token, &from); err != nil {
			return xmlAnswer(
				400,
				"<ErrorResponse><Error><Code>ValidationError</Code><Message>token</Message></Error></ErrorResponse>",
			)
		}
	}
	to, next := min(from+a.pageSize, len(a.stacks)), ""
	if to < len(a.stacks) {
		next = fmt.Sprint(to)
	}
	visible := slices.DeleteFunc(
		slices.Clone(a.stacks[from:to]),
		func(id string) bool { return a.status[id] == Deleted },
	)
	return describedStacks(visible, next, a.status)
}

func describedStacks(ids []string, next string, statuses map[string]string) *http.Response {
	var b strings.Builder
	b.WriteString("<DescribeStacksResponse><DescribeStacksResult>")
	if next != "" {
		b.WriteString("<NextToken>" + next + "</NextToken>")
	}
	b.WriteString("<Stacks>")
	for _, id := range ids {
		status := cmp.Or(statuses[id], "CREATE_IN_PROGRESS")
		fmt.Fprintf(
			&b,
			"<member><StackId>%s</StackId><StackName>%s</StackName><StackStatus>%s</StackStatus></member>",
			id,
			id,
			status,
		)
	}
	b.WriteString("</Stacks></DescribeStacksResult></DescribeStacksResponse>")
	return xmlAnswer(200, b.String())
}

func xmlAnswer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"text/xml"}},
		Body:       io.NopCloser(bytes.NewReader([]byte(body))),
	}
}

func (a *account) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at)
}

// watchAll watches the first count stacks.
func (a *account) watchAll(p *Poller, count int) (sightings []<-chan Sighting, stop func()) {
	var stops []func()
	for _, id := range a.stacks[:count] {
		seen, stop := p.Watch(id)
		sightings, stops = append(sightings, seen), append(stops, stop)
	}
	return sightings, func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// atMost answers what comes faster than so many calls a second as AWS does.
func (a *account) atMost(calls int) func(int) (int, string, string) {
	return func(call int) (int, string, string) {
		if call > calls && a.at[call-1].Sub(a.at[call-1-calls]) < time.Second {
			return 400, "Throttling", "Rate exceeded"
		}
		return 0, "", ""
	}
}
