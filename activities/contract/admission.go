package contract

import (
	"time"

	"perch"
)

// AdmitInput is the input of Admit: the request to check against the policy.
type AdmitInput struct {
	Request perch.Request `json:"request"`
}

// AdmitResult is the result of Admit: whether the request is admitted, and what to do for it.
type AdmitResult struct {
	// Kind is the environment's kind, if the request is admitted.
	Kind perch.Kind `json:"kind,omitempty"`
	// Rejection explains why the request is rejected; nil if it is not.
	Rejection *perch.Rejection `json:"rejection,omitempty"`
	// Outcome is the outcome of a request that is skipped or superseded; empty otherwise.
	Outcome perch.Outcome `json:"outcome,omitempty"`
	// Reason explains the outcome in a sentence.
	Reason string `json:"reason,omitempty"`
	// SupersededBy is the branch's head, if the request names another commit. Deploy means that the
	// head is not deployed yet, so the run continues with it.
	SupersededBy string `json:"superseded_by,omitempty"`
	Deploy       bool   `json:"deploy,omitempty"`
	// Commit is the branch's head, which an admitted `up` deploys.
	Commit string `json:"commit,omitempty"`
	// Settled is set if the environment is already in the requested state. Prepared is set if there
	// is work to do.
	Settled  *Settled  `json:"settled,omitempty"`
	Prepared *Prepared `json:"prepared,omitempty"`
	// Foreseen has the estimates and settings for the reports of an admitted `up`; nil otherwise.
	Foreseen *Foreseen `json:"foreseen,omitempty"`
	// MissingImage is the image of an `up` if its registry does not have it yet. ImageWaitSeconds
	// is how long to wait for it. While the image is missing, nothing is prepared.
	MissingImage     string `json:"missing_image,omitempty"`
	ImageWaitSeconds int    `json:"image_wait_seconds,omitempty"`
	// Warnings are sentences about what could not be checked.
	Warnings []string `json:"warnings,omitempty"`
	// MayRecreate means that the policy allows Perch to recreate a stack that was ready, if nothing
	// else repairs it.
	MayRecreate bool `json:"may_recreate,omitempty"`
	// Earlier lists the resources that removals of the branch's earlier environments could not
	// delete.
	Earlier []perch.Leftover `json:"earlier,omitempty"`
	// SharedDatabase is set for a removal if the environment may have a database in the shared
	// instance.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// GraceSeconds is set for a removal to the policy's grace period, the longest that the removal
	// may wait.
	GraceSeconds int `json:"grace_seconds,omitempty"`
}

// Foreseen has the estimates for the reports of an `up`, and perch.yaml's settings for reports and
// expiry.
type Foreseen struct {
	// Settings are the settings that differ from those of kind staging. A is the value of staging.
	Settings []perch.SettingDifference `json:"settings,omitempty"`
	// ExpectedSeconds is how long CloudFormation typically takes. USDPerDay is the daily cost of
	// the environment. Each is 0 if there is no estimate.
	ExpectedSeconds float64 `json:"expected_seconds,omitempty"`
	USDPerDay       float64 `json:"usd_per_day,omitempty"`
	// Message describes the commit; nil if the source could not be read.
	Message *perch.CommitMessage `json:"message,omitempty"`
	// Muted lists the reports that perch.yaml turns off.
	Muted perch.MutedReports `json:"muted,omitzero"`
	// Expiry is the `expiry` of perch.yaml; nil if it has none.
	Expiry *perch.Expiry `json:"expiry,omitempty"`
}

// Ends reports whether the request ends without any work, and returns its outcome and a sentence
// that explains it.
func (a AdmitResult) Ends() (outcome perch.Outcome, sentence string, ends bool) {
	if a.Rejection != nil {
		return perch.OutcomeRejected, a.Rejection.Reason, true
	}
	return a.Outcome, a.Reason, a.Outcome != ""
}

// Settled is an environment that is already in the requested state. All that is left is to check
// that it answers.
type Settled struct {
	// Stack is the environment's stack.
	Stack StackState `json:"stack"`
}

// Prepared is the work to do: the stored template, and the stack as DescribeStack would return it.
type Prepared struct {
	Rendered RenderResult `json:"rendered"`
	Stack    StackState   `json:"stack"`
	// Closed means that an unfinished removal closed buckets of a stack that is still in service.
	// ReopenBuckets must open them again.
	Closed bool `json:"closed,omitempty"`
	// Withdraws means that the environment has variables or secrets that the template no longer
	// sets. WithdrawOptions must remove them.
	Withdraws bool `json:"withdraws,omitempty"`
}

// RenderResult describes the rendered template.
type RenderResult struct {
	// Hash is the template's hash, which is also its output PerchTemplate.
	Hash string `json:"hash"`
	// Resources counts the template's resources.
	Resources int `json:"resources"`
	// SeedSteps counts the seed steps in perch.yaml that do not need the app. LaterSteps counts
	// those that run once the environment answers.
	SeedSteps  int `json:"seed_steps"`
	LaterSteps int `json:"later_steps,omitempty"`
	// SharedDatabase means that the environment's database is in the shared instance and that
	// EnsureDatabase creates it.
	SharedDatabase bool `json:"shared_database,omitempty"`
}

// ImageInput names the image to wait for.
type ImageInput struct {
	// Branch and Commit identify the source of the image, for messages.
	Branch string `json:"branch"`
	Commit string `json:"commit"`
	// Image is the image's name in perch.yaml.
	Image string `json:"image"`
	// PatienceSeconds is how long to wait for the image to appear in its registry.
	PatienceSeconds int `json:"patience_seconds"`
}

// ImageResult reports how the wait for an image ended.
type ImageResult struct {
	// Found means that the registry has the image. Otherwise the registry stopped answering.
	Found bool `json:"found"`
}

// ImageWait returns how long to wait for the missing image.
func (r AdmitResult) ImageWait() time.Duration {
	return time.Duration(r.ImageWaitSeconds) * time.Second
}
