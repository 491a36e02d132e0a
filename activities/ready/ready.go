// Package ready checks whether an environment answers at its own address, and Route 53 for its host
// name.
package ready

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"perch"
	"perch/activities/application"
	"perch/activities/awserr"
	"perch/activities/beanstalk"
	"perch/activities/contract"
	"perch/activities/probe"
	"perch/activities/pulse"
	"perch/activities/stack"
)

const (
	// readyPatience is how long a new environment may take to answer after its stack is complete.
	readyPatience = 10 * time.Minute
	// answerTimeout bounds one look at the address.
	answerTimeout = 10 * time.Second
)

// Config is what a Prober works with.
type Config struct {
	Policy       *perch.Policy
	Stacks       *stack.Reader
	Applications *application.Stacks
	Beanstalk    *beanstalk.Client
	// Interval is the pause between two looks.
	Interval time.Duration
}

// Prober asks environments.
type Prober struct {
	Config
	route53 *route53.Client
}

// NewProber makes a Prober.
func NewProber(cfg aws.Config, config Config) *Prober {
	return &Prober{config, route53.NewFromConfig(cfg)}
}

// AwaitReady asks the environment's address until it answers with a status below 400. It dials the
// endpoint with the environment's own host name, for HTTP and for TLS alike. An address that it may
// not connect to fails at once. Then it asks Route 53 until its name servers answer for the host.
func (p *Prober) AwaitReady(ctx context.Context, in contract.ReadyInput) (contract.ReadyResult, error) {
	_, stop := pulse.Start(
		ctx,
		pulse.Resume(ctx, perch.Progress{Status: "WAITING_FOR_ANSWER", Since: time.Now().UTC()}),
	)
	defer stop()
	stack, err := p.Stacks.OwnStack(ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID})
	if err != nil {
		return contract.ReadyResult{}, err
	}
	allowed, _, err := p.Applications.Admitted(ctx, in.Environment, stack.Kind, stack.Template)
	if err != nil {
		return contract.ReadyResult{}, err
	}
	stop()
	return p.AwaitAnswer(ctx, Question{
		URL: stack.URL, Endpoint: stack.Endpoint, HealthPath: allowed.HealthPath, Custom: allowed.Custom,
		Beanstalk: in.Environment.BeanstalkName(), Patience: answerPatience(in),
	})
}

// Question is where and how an environment is asked.
type Question struct {
	// URL is the environment's address, and Endpoint the host to dial: DNS may not know the
	// environment's own host yet.
	URL, Endpoint string
	// HealthPath is the path that answers when the app is healthy.
	HealthPath string
	// Custom says that the template whose outputs these are is a custom one.
	Custom bool
	// Beanstalk is the name of the Elastic Beanstalk environment, whose events explain a failure.
	Beanstalk string
	// Patience is how long the environment may take to answer.
	Patience time.Duration
}

// AwaitAnswer asks until the answer is good and the host name has an address.
func (p *Prober) AwaitAnswer(ctx context.Context, q Question) (contract.ReadyResult, error) {
	address, err := url.Parse(q.URL)
	if err != nil || address.Host == "" {
		return contract.ReadyResult{}, awserr.Final(
			perch.ErrorInvalid,
			"the stack's output URL %q is not an address; the output of a custom template must begin with http:// "+
				"or https://",
			q.URL,
		)
	}
	address.Path = q.HealthPath
	client := probe.Client(
		address,
		q.Endpoint,
		probe.Reach{Custom: q.Custom, Private: p.Policy.Network.Private},
		answerTimeout,
	)
	defer client.CloseIdleConnections()
	progress := pulse.Resume(
		ctx,
		perch.Progress{Status: "WAITING_FOR_ANSWER", Resource: address.String(), Since: time.Now().UTC()},
	)
	beats, stop := pulse.Start(ctx, progress)
	defer stop()
	name := p.newNameCheck(address.Hostname())
	for {
		over := time.Since(progress.Since) > q.Patience
		status, last, passing := ask(ctx, client, address.String())
		answered := last == ""
		if answered {
			var warning string
			if last, warning = name.ask(ctx); last == "" || over && warning != "" {
				return readyResult(status, warning), nil
			}
		}
		if !answered && !passing {
			return contract.ReadyResult{}, awserr.Final(
				perch.ErrorInvalid,
				"%s cannot be asked whether it is ready: %s; the stack stays for inspection",
				q.URL,
				last,
			)
		}
		progress.Reason = last
		beats.Set(progress)
		if over {
			if answered {
				return contract.ReadyResult{}, p.unresolved(q, last)
			}
			return contract.ReadyResult{}, awserr.Final(
				perch.ErrorNotReady,
				"%s did not become ready within %s; its last answer: %s%s%s; the stack stays for inspection",
				q.URL,
				q.Patience,
				last,
				p.Beanstalk.LatestEvents(ctx, q.Beanstalk),
				q.logs(),
			)
		}
		if err := pulse.Linger(ctx, p.Interval); err != nil {
			return contract.ReadyResult{}, err
		}
	}
}

func readyResult(status int, warning string) contract.ReadyResult {
	result := contract.ReadyResult{Status: status}
	if warning != "" {
		result.Warnings = []string{warning}
	}
	return result
}

// unresolved is the error of an environment that answers where the worker dials it, and not under
// its name.
func (p *Prober) unresolved(q Question, problem string) error {
	return awserr.Final(
		perch.ErrorNotReady,
		"%s did not become ready within %s: the app answers, but %s; check the record in hosted zone %s, then try "+
			"again; the stack stays for inspection",
		q.URL,
		q.Patience,
		problem,
		p.Policy.HostedZone,
	)
}

// answerPatience is how long the environment may take to answer.
func answerPatience(in contract.ReadyInput) time.Duration {
	if in.PatienceSeconds == 0 {
		return readyPatience
	}
	return time.Duration(in.PatienceSeconds) * time.Second
}

// ask looks at the address once. An answer that is not good is returned in words; one that may get
// better is passing.
func ask(ctx context.Context, client *http.Client, address string) (status int, problem string, passing bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err.Error(), true
	}
	response, err := client.Do(request)
	if rejection := probe.Unreachable(err); rejection != "" {
		return 0, rejection, false
	}
	if err != nil {
		return 0, err.Error(), true
	}
	defer response.Body.Close()
	if response.StatusCode < http.StatusBadRequest {
		return response.StatusCode, "", false
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 200)) // What can be read of it is enough for a message.
	return response.StatusCode, strings.TrimSpace(
		response.Status + " " + strings.Join(strings.Fields(string(body)), " "),
	), true
}

// logs says where the container's output is, because Elastic Beanstalk only says that the
// deployment had errors.
func (q Question) logs() string {
	if q.Custom {
		return ""
	}
	return "; the app's output is in CloudWatch Logs, in the log groups that begin with " +
		"/aws/elasticbeanstalk/" + q.Beanstalk + "/"
}
