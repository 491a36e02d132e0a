package stack

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
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

// account answers DescribeStacks and ListStacks from memory: some stacks, in pages.
type account struct {
	mu       sync.Mutex
	pageSize int
	stacks   []string
	// status holds what is not CREATE_IN_PROGRESS.
	status map[string]string
	// fail, where it is set, answers instead; body and status are AWS's.
	fail func(call int) (status int, code, message string)
	at   []time.Time
	// emptyPages is how many empty pages ListStacks returns before the others.
	emptyPages int
	// deny is the operation that the role may not call.
	deny string
	// actions counts the calls of each operation.
	actions map[string]int
}

func newAccount(stacks, pageSize int) *account {
	a := &account{pageSize: pageSize, status: map[string]string{}, actions: map[string]int{}}
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
	a.actions[form.Get("Action")]++
	if a.fail != nil {
		if status, code, message := a.fail(len(a.at)); status != 0 {
			return errorAnswer(status, code, message), nil
		}
	}
	if form.Get("Action") == a.deny {
		return errorAnswer(403, "AccessDenied", "not authorized"), nil
	}
	if name := form.Get("StackName"); name != "" {
		return a.one(name), nil
	}
	if form.Get("Action") == "ListStacks" {
		if token := form.Get("NextToken"); len(token) < a.emptyPages {
			return a.listed("ListStacks", nil, token+"-"), nil
		}
		return a.page("ListStacks", form.Get("NextToken"), func(status string) bool {
			for i := 1; form.Has(fmt.Sprintf("StackStatusFilter.member.%d", i)); i++ {
				if form.Get(fmt.Sprintf("StackStatusFilter.member.%d", i)) == status {
					return true
				}
			}
			return false
		}), nil
	}
	return a.page("DescribeStacks", form.Get("NextToken"), func(status string) bool { return status != Deleted }), nil
}

func (a *account) statusOf(id string) string { return cmp.Or(a.status[id], "CREATE_IN_PROGRESS") }

func (a *account) one(id string) *http.Response {
	if !slices.Contains(a.stacks, id) {
		return errorAnswer(400, "ValidationError", "Stack with id "+id+" does not exist")
	}
	return a.listed("DescribeStacks", []string{id}, "")
}

func (a *account) page(action, token string, visible func(status string) bool) *http.Response {
	from := 0
	if token = strings.TrimLeft(token, "-"); token != "" {
		if _, err := fmt.Sscan(token, &from); err != nil {
			return errorAnswer(400, "ValidationError", "token")
		}
	}
	all := slices.DeleteFunc(slices.Clone(a.stacks), func(id string) bool { return !visible(a.statusOf(id)) })
	from = min(from, len(all))
	to, next := min(from+a.pageSize, len(all)), ""
	if to < len(all) {
		next = fmt.Sprint(to)
	}
	return a.listed(action, all[from:to], next)
}

func (a *account) listed(action string, ids []string, next string) *http.Response {
	list := "Stacks"
	if action == "ListStacks" {
		list = "StackSummaries"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%[1]sResponse><%[1]sResult>", action)
	if next != "" {
		b.WriteString("<NextToken>" + next + "</NextToken>")
	}
	b.WriteString("<" + list + ">")
	for _, id := range ids {
		fmt.Fprintf(
			&b, "<member><StackId>%[1]s</StackId><StackName>%[1]s</StackName><StackStatus>%[2]s</StackStatus></member>",
			id, a.statusOf(id),
		)
	}
	fmt.Fprintf(&b, "</%[2]s></%[1]sResult></%[1]sResponse>", action, list)
	return xmlAnswer(200, b.String())
}

func errorAnswer(status int, code, message string) *http.Response {
	return xmlAnswer(status, fmt.Sprintf(
		"<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>", code, message,
	))
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

// counts returns how many calls there were of each operation.
func (a *account) counts() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.actions)
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
