package run

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.temporal.io/sdk/client"

	"perch"
	"perch/config"
	"perch/sandbox/aws"
	workerrun "perch/worker/run"
)

var (
	soakFor = flag.Duration("soak", 0, "soak for so long over 50 branches, with workers that are killed; without it "+
		"a few turns over 6, with workers that are stopped")
	soakSeed = flag.Uint64("soak.seed", 1, "the seed of what happens; 0 draws one")
)

// shortSoak is the number of turns of the daily soak.
const shortSoak = 60

// TestSoakEveryBranchEndsAsItWasLastAskedFor makes pushes, removals, faults and ends of workers
// happen in random order. When the faults are removed and each branch has been requested once more,
// every branch that should have an environment has one at its last commit, and nothing else exists.
func TestSoakEveryBranchEndsAsItWasLastAskedFor(t *testing.T) {
	if *soakFor == 0 {
		skipUnlessProof(t)
	}
	t.Parallel()
	s := newSoak(t)
	turn := 0
	for ; s.goesOn(turn); turn++ {
		s.turn(t)
	}
	t.Logf(
		"%d turns: %d pushes, %d removals, %d faults, %d ends of workers; %d live branches", turn, s.pushes, s.removals,
		s.wrongs, s.ends, len(s.live),
	)
	s.aws.DeleteFault("")
	s.startDatabases(t)
	s.settle(t)
	s.audit(t)
}

// soak is a project whose branches are created and deleted at random.
type soak struct {
	*bench
	policy string
	rng    *rand.Rand
	until  time.Time
	// branches has every branch. live has the last commit of those that should have an environment.
	branches []string
	live     map[string]string
	// pushes, removals, wrongs and ends count the events.
	pushes, removals, wrongs, ends int
	// stop ends the worker, by force or not, as the soak requires.
	stop func()
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("the same again: -soak.seed %d", seed)
	s := &soak{
		bench: newSandbox(t, func(o *options) { o.worker = false }), rng: rand.New(rand.NewPCG(seed, 0)),
		until: time.Now().Add(*soakFor), live: map[string]string{},
	}
	count := 6
	if *soakFor > 0 {
		count = 50
	}
	for i := range count {
		s.branches = append(s.branches, fmt.Sprintf("soak/%d", i))
	}
	s.policy = filepath.Join(t.TempDir(), "policy.yaml")
	if err := writePolicy(s.Sandbox.project, s.policy, s.pagesPort, s.registryURL); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.policy)
	if err == nil {
		err = os.WriteFile(s.policy, append(text, "max_environments: 90\nprotected: [soak/0]\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.start(t)
	t.Cleanup(func() { s.stop() })
	s.must(t, "application", "up")
	return s
}

func (s *soak) goesOn(turn int) bool {
	if *soakFor > 0 {
		return time.Now().Before(s.until)
	}
	return turn < shortSoak
}

// start starts a worker. In a long soak it is a process to be killed, otherwise one in this process
// that stops cleanly.
func (s *soak) start(t *testing.T) {
	t.Helper()
	if *soakFor > 0 {
		s.stop = s.spawn(t, map[string]string{"PERCH_POLICY": s.policy}).kill
		return
	}
	text, err := os.ReadFile(s.policy)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := config.ReadPolicy(s.policy, text)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := s.bind(policy)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	logger := slog.New(slog.DiscardHandler)
	go func() {
		ended <- workerrun.Run(ctx, workerrun.Config{
			Policy: policy, AWS: bound, Interval: testInterval, Logger: logger,
			Temporal: client.Options{HostPort: s.temporal.Address(), Logger: logger},
		})
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the worker ended: %v", err)
		}
	})
}

// turn makes one event happen.
func (s *soak) turn(t *testing.T) {
	t.Helper()
	branch := s.branches[s.rng.IntN(len(s.branches))]
	switch chance := s.rng.IntN(100); {
	case chance < 40:
		s.push(t, branch)
	case chance < 60:
		s.remove(t, branch)
	case chance < 80:
		s.goWrong(t, s.stackOf(t, branch))
	case chance < 86:
		s.refill(t, s.stackOf(t, branch))
	case chance < 96:
		s.aws.DeleteFault("")
		s.ask(t, s.wanted(branch)...) // The next turn continues from there, after success and failure alike.
	default:
		s.ends++
		s.stop()
		s.start(t)
	}
}

// push commits to the branch and requests the commit. Sometimes the commit removes a bucket with
// objects in it, or changes the database.
func (s *soak) push(t *testing.T, branch string) {
	t.Helper()
	s.pushes++
	change := soakChanges[s.rng.IntN(len(soakChanges))]
	main, err := os.ReadFile("demo/main/perch.yaml")
	fatal(t, err)
	files := map[string]string{
		"CHANGES.md": fmt.Sprint(s.pushes), "perch.yaml": strings.Replace(string(main), change.before, change.after, 1),
	}
	s.live[branch] = s.repo.commit(t, branch, files)
	s.must(t, "up", branch, "--no-wait")
}

// soakChanges are the changes that pushes make to the demo's perch.yaml.
var soakChanges = []struct{ before, after string }{
	{}, {}, {}, {"    assets: {}\n", ""}, {"backup_days: 0}", "backup_days: 1}"},
}

// remove requests the removal of the branch's environment. In half of the cases the branch itself
// is deleted, too. Sometimes an environment is then requested for it, which must be rejected.
func (s *soak) remove(t *testing.T, branch string) {
	t.Helper()
	s.removals++
	if branch != s.branches[0] { // The first branch is protected: its removal is rejected, and supersedes nothing.
		if s.live[branch] != "" && s.rng.IntN(2) == 0 {
			s.repo.drop(t, branch)
			if s.rng.IntN(3) == 0 {
				s.must(t, "up", branch, "--commit", s.live[branch], "--no-wait")
			}
		}
		delete(s.live, branch)
	}
	s.must(t, "down", branch, "--no-wait")
}

// stopDatabase stops the stack's database, as a person does to save money, if it has one that is
// running.
func (s *soak) stopDatabase(t *testing.T, stack string) {
	t.Helper()
	for _, database := range s.held(t, stack)["AWS::RDS::DBInstance"] {
		_, _ = rds.NewFromConfig(s.awsConfig()).StopDBInstance(
			t.Context(), &rds.StopDBInstanceInput{DBInstanceIdentifier: &database},
		)
	}
}

// startDatabases starts every stopped database.
func (s *soak) startDatabases(t *testing.T) {
	t.Helper()
	client := rds.NewFromConfig(s.awsConfig())
	all, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	fatal(t, err)
	for _, database := range all.DBInstances {
		if awssdk.ToString(database.DBInstanceStatus) == "stopped" {
			_, err := client.StartDBInstance(
				t.Context(), &rds.StartDBInstanceInput{DBInstanceIdentifier: database.DBInstanceIdentifier},
			)
			fatal(t, err)
		}
	}
}

// wanted returns the command that requests the last wanted state of the branch.
func (s *soak) wanted(branch string) []string {
	if s.live[branch] == "" {
		return []string{"down", branch}
	}
	return []string{"up", branch}
}

// goWrong injects a temporary fault, or one that an operator would notice and remove.
func (s *soak) goWrong(t *testing.T, stack string) {
	t.Helper()
	resource := []string{"Database", "Environment", "BucketAssets"}[s.rng.IntN(3)]
	phase := []string{"create", "update", "delete"}[s.rng.IntN(3)]
	reason := "Internal failure"
	if phase == "delete" {
		reason = "The bucket you tried to delete is not empty" // With any other message, a removal waits for minutes.
	}
	change := []string{"CreateStack", "UpdateStack", "DeleteStack"}[s.rng.IntN(3)]
	faults := []aws.Fault{
		{Service: "cloudformation", Rate: 20},
		{Service: "s3", Code: "SlowDown", Message: "Please reduce your request rate.", Status: 503, Count: 5},
		{Action: change, When: aws.After, Drop: true, Count: 1},
		{Stale: 2, Contains: stack, Count: 20},
		{Key: "late", Code: "InternalError", Message: "We encountered an internal error. Please try again.", Count: 2},
		{
			Service: "cloudformation", Code: "ExpiredToken",
			Message: "The security token included in the request is expired", Status: 403, Count: 5,
		},
		{Action: change, Code: "InternalFailure", Message: "Internal failure", Status: 500, Count: 3},
		{Stack: stack, LogicalID: resource, Phase: phase, Reason: reason, Count: 1},
		{Stack: stack, LogicalID: resource, Phase: phase, Reason: reason, When: aws.After, Count: 1},
		{Stack: stack, LogicalID: resource, Phase: phase, Hang: true, Count: 1},
		{Stack: stack, Refill: true, Count: 1},
		{
			Action: "DeleteStack", Contains: stack, Code: "AccessDenied", Message: "no identity-based policy allows it",
			Status: 403, Count: 1,
		},
		{
			Stack: stack, Type: "AWS::CloudFormation::Stack", Phase: "delete",
			Reason: "Delete canceled. Cannot delete export", Count: 1,
		},
	}
	s.wrongs++
	if s.rng.IntN(len(faults)+1) == 0 {
		s.stopDatabase(t, stack)
		return
	}
	if _, err := s.aws.AddFault(faults[s.rng.IntN(len(faults))]); err != nil {
		t.Fatal(err)
	}
}

// refill writes to the stack's buckets from outside Perch, in any state.
func (s *soak) refill(t *testing.T, stack string) {
	t.Helper()
	objects := s3.NewFromConfig(s.awsConfig(), func(o *s3.Options) { o.RetryMaxAttempts = 1 })
	for _, bucket := range s.held(t, stack)["AWS::S3::Bucket"] {
		// The bucket may have been deleted.
		_, _ = objects.PutObject(
			t.Context(),
			&s3.PutObjectInput{Bucket: &bucket, Key: awssdk.String("late"), Body: strings.NewReader("late")},
		)
	}
}

// held returns the physical ids of the stack's resources, by type; nothing if there is no stack.
func (s *soak) held(t *testing.T, stack string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	pages := cloudformation.NewListStackResourcesPaginator(
		s.formation(), &cloudformation.ListStackResourcesInput{StackName: &stack},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			return all
		}
		for _, r := range page.StackResourceSummaries {
			if id := awssdk.ToString(r.PhysicalResourceId); id != "" && r.ResourceStatus != "DELETE_COMPLETE" {
				all[awssdk.ToString(r.ResourceType)] = append(all[awssdk.ToString(r.ResourceType)], id)
			}
		}
	}
	return all
}

// settle requests the wanted state of each branch once more, half of the live ones at a new commit.
func (s *soak) settle(t *testing.T) {
	t.Helper()
	ends := map[string]func() (int, document){}
	for i, branch := range s.branches {
		if i == 0 || s.live[branch] != "" && s.rng.IntN(2) == 0 {
			s.push(t, branch)
		}
		ends[branch] = s.begin(t, s.wanted(branch)...)
	}
	for branch, end := range ends {
		exit, result := end()
		outcome := perch.Outcome(result.text("outcome"))
		wanted := s.live[branch] != "" && outcome == perch.OutcomeReady ||
			s.live[branch] == "" && (outcome == perch.OutcomeGone || outcome == perch.OutcomeAbsent)
		if exit != 0 || !wanted {
			t.Errorf("%v: exit code %d: %v", s.wanted(branch), exit, result)
		}
	}
}
