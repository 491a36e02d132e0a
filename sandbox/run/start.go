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

// start runs the sandbox until ctx is over.
func start(ctx context.Context, o options, stdout, stderr io.Writer, env func(string) string) (err error) {
	s, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if o.worker {
		if err := s.startWorker(stderr); err != nil {
			return err
		}
	}
	starter := &starter{env: lookup(s.exports(), env), stdout: stdout, stderr: stderr}
	var up environment
	if o.up {
		if up, err = s.provision(ctx, starter); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	if o.hub && o.webhooks {
		if err := s.receiveWebhooks(ctx); err != nil {
			return err
		}
	}
	s.introduce(stdout, o, up)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.worker:
		return err
	}
}

// starter calls the starter's own code.
type starter struct {
	env            func(string) string
	stdout, stderr io.Writer
}

func (s *starter) run(ctx context.Context, stdout io.Writer, args ...string) error {
	if code := cli.Run(ctx, args, strings.NewReader(""), stdout, s.stderr, s.env); code != 0 {
		return fmt.Errorf("`perch %s` ended with exit code %d", strings.Join(args, " "), code)
	}
	return nil
}

// environment is what `perch status -o json` says of the environment that was provisioned.
type environment struct {
	Branch string `json:"branch"`
	URL    string `json:"url"`
	Run    struct {
		Workflow string `json:"workflow_id"`
		Run      string `json:"run_id"`
	} `json:"run"`
}

// provision executes the application templates that the branch needs and gives it its environment.
func (s *Sandbox) provision(ctx context.Context, starter *starter) (environment, error) {
	var up environment
	kinds := []perch.Kind{perch.KindStaging}
	if s.kind.Application() != perch.KindStaging {
		kinds = append(kinds, s.kind.Application())
	}
	for _, kind := range kinds {
		fmt.Fprintf(starter.stderr, "Executing the %s application template ...\n", kind)
		if err := starter.run(ctx, io.Discard, "application", "up", "--kind", string(kind), "--project", s.name); err != nil {
			return up, err
		}
	}
	fmt.Fprintf(starter.stderr, "Provisioning branch %s ...\n", s.branch)
	if err := starter.run(ctx, starter.stdout, "up", s.branch); err != nil {
		return up, err
	}
	var status bytes.Buffer
	if err := starter.run(ctx, &status, "status", s.branch, "-o", "json"); err != nil {
		return up, err
	}
	if err := json.Unmarshal(status.Bytes(), &up); err != nil {
		return up, fmt.Errorf("read status of %s: %w", s.branch, err)
	}
	return up, nil
}

// introduce says where everything is and what to try next.
func (s *Sandbox) introduce(out io.Writer, o options, up environment) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-13s %s\n", name, value)
		}
	}
	fmt.Fprintln(out)
	row("environment", up.URL)
	if up.Run.Run != "" {
		row("its run", fmt.Sprintf("%s/namespaces/default/workflows/%s/%s", s.uiURL, up.Run.Workflow, up.Run.Run))
	} else {
		row("Temporal UI", s.uiURL)
	}
	row("pull request", s.pullRequest())
	row("AWS endpoint", s.awsURL)
	row("registry", s.registryURL)
	row("repository", s.repo)
	row("policy", s.policyFile)
	fmt.Fprintf(out, "\nTry next, in another shell:\n\n")
	for _, command := range s.next(o) {
		fmt.Fprintln(out, "  "+command)
	}
	fmt.Fprintf(out, "\nStop with Ctrl-C.\n")
	fmt.Fprintln(out, ready)
}

// next are the commands to try.
func (s *Sandbox) next(o options) []string {
	commands := []string{fmt.Sprintf(`eval "$(%s)"`, s.envCommand(o))}
	if !o.worker {
		return append(commands, "go run ./worker", "go run ./starter application up", "go run ./starter up "+s.branch)
	}
	commands = append(commands, "go run ./starter ls", "go run ./starter status")
	if o.repo == "" {
		commands = append(commands, "go run ./starter up fix/typo")
	}
	if o.hub && o.webhooks {
		commands = append(commands, "git -C "+quote(s.repo)+" commit --allow-empty -m Again # its environment follows")
	}
	commands = append(commands, "aws cloudformation describe-stacks --query 'Stacks[].[StackName,StackStatus]' --output text")
	if s.branch == s.defaultBranch {
		return commands // Its environment is never removed.
	}
	return append(commands, "go run ./starter down "+s.branch)
}

// envCommand is the call of `perch-sandbox env` that finds this sandbox.
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
