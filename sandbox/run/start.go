package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"perch"
	"perch/starter/cli"
)

// ready is the line that scripts wait for.
const ready = "perch sandbox is ready"

// start runs the sandbox until ctx ends. It continues if the environment fails, so that the user
// can look at it.
func start(ctx context.Context, o options, stdout, stderr io.Writer, env func(string) string) (err error) {
	fmt.Fprintln(stderr, "Starting Temporal, the AWS endpoint and the worker ...")
	s, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if len(s.moved) > 0 {
		fmt.Fprintf(
			stderr, "Some ports are taken, for example by another sandbox, so free ones are used instead: %s.\n",
			strings.Join(s.moved, ", "),
		)
	}
	if o.worker {
		if err := s.startWorker(stderr); err != nil {
			return err
		}
		if err := s.serveDashboard(ctx, stderr); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "Dashboard: %s\n", s.dashboardURL)
	}
	var up environment
	if o.up {
		starter := &starter{env: lookup(s.exports(), env), stdout: stdout, stderr: stderr}
		up = s.provision(ctx, starter)
	}
	if ctx.Err() == nil && o.hub && o.webhooks {
		if err := s.receiveWebhooks(ctx); err != nil {
			return err
		}
	}
	if ctx.Err() == nil {
		s.introduce(stdout, o, up)
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(stderr, s.farewell(o))
		return nil
	case err := <-s.worker:
		return err
	}
}

// farewell returns the message after an interrupt, which says where the state is.
func (s *Sandbox) farewell(o options) string {
	if o.data == "" {
		return "Stopped. Nothing is left; --data DIR keeps the state."
	}
	return "Stopped. The state is in " + s.data + ": runs continue from there when the sandbox starts with it again."
}

// starter runs commands of the starter in this process.
type starter struct {
	env            func(string) string
	stdout, stderr io.Writer
}

// run carries out one command of the starter. If the command fails, it has already printed why.
// Once the sandbox stops, the command prints nothing more.
func (s *starter) run(ctx context.Context, stdout io.Writer, args ...string) (ok bool) {
	own, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(cli.ErrStopped) })()
	return cli.Run(own, args, strings.NewReader(""), stdout, s.stderr, s.env) == 0
}

// environment has the fields of `perch status -o json` for the provisioned environment.
type environment struct {
	Branch string `json:"branch"`
	URL    string `json:"url"`
	Status string `json:"status"`
	Run    struct {
		Workflow string `json:"workflow_id"`
		Run      string `json:"run_id"`
	} `json:"run"`
	// failed is the command that failed; empty if the branch has its environment, or needs none.
	failed string
}

// provision prepares what the project's environments need, and then provisions the environment of
// the branch.
func (s *Sandbox) provision(ctx context.Context, starter *starter) (up environment) {
	fmt.Fprintln(starter.stderr, "Executing the application templates of staging and production ...")
	if failed := s.prepare(ctx, starter); failed != "" {
		up.failed = failed
		return up
	}
	fmt.Fprintf(starter.stderr, "Provisioning branch %s ...\n", s.branch)
	ok := starter.run(ctx, starter.stdout, "up", s.branch)
	var status bytes.Buffer
	if starter.run(ctx, &status, "status", s.branch, "-o", "json", "--project", s.name) {
		_ = json.Unmarshal(status.Bytes(), &up) // Without the status, only the addresses are missing.
	}
	if !ok {
		up.failed = "up " + s.branch
	}
	return up
}

// prepare executes both application templates, showing the progress of staging's, and schedules
// cleanup for every hour. It returns the command that failed; empty if none did.
func (s *Sandbox) prepare(ctx context.Context, visible *starter) (failed string) {
	application := func(kind perch.Kind) []string {
		return []string{"application", "up", "--kind", string(kind), "--project", s.name}
	}
	var said bytes.Buffer
	hidden := &starter{env: visible.env, stderr: &said}
	production := make(chan bool, 1)
	go func() { production <- hidden.run(ctx, io.Discard, application(perch.KindProduction)...) }()
	staging := visible.run(ctx, io.Discard, application(perch.KindStaging)...)
	if !<-production {
		fmt.Fprint(visible.stderr, said.String())
		return strings.Join(application(perch.KindProduction), " ")
	}
	if !staging {
		return strings.Join(application(perch.KindStaging), " ")
	}
	if ensure := []string{"schedule", "ensure", "--project", s.name}; !visible.run(ctx, io.Discard, ensure...) {
		return strings.Join(ensure, " ")
	}
	return ""
}

// introduce prints where everything is and what to try next.
func (s *Sandbox) introduce(out io.Writer, o options, up environment) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-13s %s\n", name, value)
		}
	}
	fmt.Fprintln(out)
	if up.failed != "" {
		fmt.Fprintf(
			out, "`perch %s` failed, for the reason above. Everything else runs, so you can look at it.\n\n", up.failed,
		)
	}
	row("dashboard", s.dashboardURL)
	row("environment", up.URL)
	if up.Run.Run != "" {
		row("its run", fmt.Sprintf("%s/namespaces/default/workflows/%s/%s", s.uiURL, up.Run.Workflow, up.Run.Run))
	} else {
		row("Temporal UI", s.uiURL)
	}
	row("all runs", perch.RunsURL(s.uiURL, "default", s.name))
	row("pull request", s.pullRequest())
	row("AWS endpoint", s.awsURL)
	row("registry", s.registryURL)
	row("repository", s.repo)
	row("policy", s.policyFile)
	fmt.Fprintf(out, "\nTry next, in another shell:\n\n")
	for _, command := range s.next(o, up) {
		fmt.Fprintln(out, "  "+command)
	}
	fmt.Fprintf(out, "\nStop with Ctrl-C.\n")
	fmt.Fprintln(out, ready)
}

// next returns the commands to try.
func (s *Sandbox) next(o options, up environment) []string {
	commands := []string{fmt.Sprintf(`eval "$(%s)"`, s.envCommand(o))}
	if !o.worker {
		return append(commands, "go run ./worker", "go run ./starter application up", "go run ./starter up "+s.branch)
	}
	commands = append(commands, "go run ./starter ls", "go run ./starter status")
	if up.failed != "" {
		commands = append(
			commands, "go run ./starter "+up.failed+" # once the cause is fixed: it continues from what exists",
		)
	}
	if o.repo == "" {
		commands = append(commands, "go run ./starter up fix/typo")
	}
	if o.hub && o.webhooks && up.Status != "" { // A skipped branch has no environment that would show the commit.
		commands = append(commands, "git -C "+quote(s.repo)+" commit --allow-empty -m Again # its environment follows")
	}
	commands = append(
		commands, "aws cloudformation describe-stacks --query 'Stacks[].[StackName,StackStatus]' --output text",
	)
	if up.Status == "" || s.kind != perch.KindBranch || s.branch == s.defaultBranch {
		return commands // There is no environment, or only one that may not be removed.
	}
	return append(commands, "go run ./starter down "+s.branch)
}

// envCommand returns the `perch-sandbox env` command that finds this sandbox.
func (s *Sandbox) envCommand(o options) string {
	command := "go run ./sandbox env"
	switch {
	case o.data != "":
		command += " --data " + quote(o.data)
	case !strings.HasSuffix(s.awsURL, ":4566"):
		command += " --aws-port " + s.awsURL[strings.LastIndexByte(s.awsURL, ':')+1:]
	}
	return command
}
