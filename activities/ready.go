package activities

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"perch"
	"perch/activities/awserr"
	"perch/activities/beanstalk"
	"perch/activities/contract"
	"perch/activities/probe"
	"perch/activities/pulse"
)

const (
	// readyPatience is how long a new environment may take to answer after its stack is complete.
	readyPatience = 10 * time.Minute
	// answerTimeout bounds one look at the address.
	answerTimeout = 10 * time.Second
)

// Readiness is the activity that looks whether an environment answers.
type Readiness struct {
	policy    *perch.Policy
	stacks    *Stacks
	beanstalk *beanstalk.Client
	interval  time.Duration
}

// AwaitReady asks the environment's address until it answers with a status below 400. It dials the endpoint with the environment's own
// host name, for HTTP and for TLS alike. An address that it may not connect to fails at once.
func (r *Readiness) AwaitReady(ctx context.Context, in contract.ReadyInput) (contract.ReadyResult, error) {
	_, stop := pulse.Start(ctx, pulse.Resume(ctx, perch.Progress{Status: "WAITING_FOR_ANSWER", Since: time.Now().UTC()}))
	defer stop()
	stack, err := r.stacks.OwnStack(ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID})
	if err != nil {
		return contract.ReadyResult{}, err
	}
	allowed, _, err := r.stacks.apps.Admitted(ctx, in.Environment, stack.Kind, stack.Template)
	if err != nil {
		return contract.ReadyResult{}, err
	}
	stop()
	return r.await(ctx, question{
		URL: stack.URL, Endpoint: stack.Endpoint, HealthPath: allowed.HealthPath, Custom: allowed.Custom,
		Beanstalk: in.Environment.BeanstalkName(), Patience: answerPatience(in),
	})
}

// question is where and how an environment is asked.
type question struct {
	// URL is the environment's address, and Endpoint the host to dial: DNS may not know the environment's own host yet.
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

// await asks until the answer is good.
func (r *Readiness) await(ctx context.Context, p question) (contract.ReadyResult, error) {
	address, err := url.Parse(p.URL)
	if err != nil || address.Host == "" {
		return contract.ReadyResult{}, awserr.Final(perch.ErrorInvalid, "the stack's output URL %q is no address; the output of a custom template must begin with http:// or https://", p.URL)
	}
	address.Path = p.HealthPath
	client := probe.Client(address, p.Endpoint, probe.Reach{Custom: p.Custom, Private: r.policy.Network.Private}, answerTimeout)
	defer client.CloseIdleConnections()
	progress := pulse.Resume(ctx, perch.Progress{Status: "WAITING_FOR_ANSWER", Resource: address.String(), Since: time.Now().UTC()})
	beats, stop := pulse.Start(ctx, progress)
	defer stop()
	for {
		status, last, passing := ask(ctx, client, address.String())
		if last == "" {
			return contract.ReadyResult{Status: status}, nil
		}
		if !passing {
			return contract.ReadyResult{}, awserr.Final(perch.ErrorInvalid, "%s cannot be asked whether it is ready: %s; the stack stays for inspection", p.URL, last)
		}
		progress.Reason = last
		beats.Set(progress)
		if time.Since(progress.Since) > p.Patience {
			return contract.ReadyResult{}, awserr.Final(
				perch.ErrorNotReady,
				"%s did not become ready within %s; its last answer: %s%s%s; the stack stays for inspection",
				p.URL,
				p.Patience,
				last,
				r.beanstalk.LatestEvents(ctx, p.Beanstalk),
				p.logs(),
			)
		}
		if err := pulse.Linger(ctx, r.interval); err != nil {
			return contract.ReadyResult{}, err
		}
	}
}

// answerPatience is how long the environment may take to answer.
func answerPatience(in contract.ReadyInput) time.Duration {
	if in.PatienceSeconds == 0 {
		return readyPatience
	}
	return time.Duration(in.PatienceSeconds) * time.Second
}

// ask looks at the address once. An answer that is not good is returned in words; one that may get better is passing.
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
	return response.StatusCode, strings.TrimSpace(response.Status + " " + strings.Join(strings.Fields(string(body)), " ")), true
}

// logs says where the container's output is: Elastic Beanstalk says no more than that the deployment had errors.
func (p question) logs() string {
	if p.Custom {
		return ""
	}
	return "; the app's output is in CloudWatch Logs, in the log groups that begin with " +
		"/aws/elasticbeanstalk/" + p.Beanstalk + "/"
}
