package contract

import (
	"time"

	"perch"
)

// AdmitInput is the request to check against the policy.
type AdmitInput struct {
	Request perch.Request `json:"request"`
}

// AdmitResult says whether the request goes on.
type AdmitResult struct {
	// Kind is the environment's kind, where the request is admitted.
	Kind perch.Kind `json:"kind,omitempty"`
	// Rejection is why the request is rejected; nil if it is not.
	Rejection *perch.Rejection `json:"rejection,omitempty"`
	// Outcome is how the request ends if it is skipped or superseded; otherwise it is empty.
	Outcome perch.Outcome `json:"outcome,omitempty"`
	// Reason is the sentence for it.
	Reason string `json:"reason,omitempty"`
	// SupersededBy is the branch's head, if the request names another commit. Deploy says that it
	// is not deployed yet: the run goes on with it.
	SupersededBy string `json:"superseded_by,omitempty"`
	Deploy       bool   `json:"deploy,omitempty"`
	// Commit is the branch's head, which an `up` that is admitted deploys.
	Commit string `json:"commit,omitempty"`
	// Settled is set where the environment is already what the request wants, Prepared where
	// something is to be done for it.
	Settled  *Settled  `json:"settled,omitempty"`
	Prepared *Prepared `json:"prepared,omitempty"`
	// Foreseen are the estimates and settings for the reports of an admitted `up`; nil otherwise.
	Foreseen *Foreseen `json:"foreseen,omitempty"`
	// MissingImage is the image of an `up` that its registry does not have yet, and
	// ImageWaitSeconds how long it is waited for; then nothing is prepared.
	MissingImage     string `json:"missing_image,omitempty"`
	ImageWaitSeconds int    `json:"image_wait_seconds,omitempty"`
	// Warnings are sentences about what could not be checked.
	Warnings []string `json:"warnings,omitempty"`
	// MayRecreate says that the policy allows to recreate a stack that was ready and that nothing
	// else repairs.
	MayRecreate bool `json:"may_recreate,omitempty"`
	// Earlier are what removals of the branch's earlier environments could not delete.
	Earlier []perch.Leftover `json:"earlier,omitempty"`
	// SharedDatabase says, of a removal, that the environment may have a database in the shared
	// instance.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// GraceSeconds is, of a removal, the policy's grace period: the longest that the removal may
	// wait.
	GraceSeconds int `json:"grace_seconds,omitempty"`
}

// Foreseen are the estimates for the reports of an `up`, and what perch.yaml says about reports.
type Foreseen struct {
	// Settings are the settings that differ from those of kind staging: A is staging's side.
	Settings []perch.SettingDifference `json:"settings,omitempty"`
	// ExpectedSeconds is how long CloudFormation typically takes, USDPerDay what the environment
	// costs a day; each is 0 if it cannot be estimated.
	ExpectedSeconds float64 `json:"expected_seconds,omitempty"`
	USDPerDay       float64 `json:"usd_per_day,omitempty"`
	// Message is what the source says of the commit; nil if it could not be asked.
	Message *perch.CommitMessage `json:"message,omitempty"`
	// Muted are the reports that perch.yaml does not want.
	Muted perch.MutedReports `json:"muted,omitzero"`
	// Expiry is what perch.yaml says of expiry; nil if nothing.
	Expiry *perch.Expiry `json:"expiry,omitempty"`
}

// Ends reports whether nothing is to be done for the request, and with which outcome and sentence
// it ends.
func (a AdmitResult) Ends() (outcome perch.Outcome, sentence string, ends bool) {
	if a.Rejection != nil {
		return perch.OutcomeRejected, a.Rejection.Reason, true
	}
	return a.Outcome, a.Reason, a.Outcome != ""
}

// Settled is an environment that is already in the requested state: only a check is left whether it
// answers.
type Settled struct {
	// Stack is the environment's stack.
	Stack StackState `json:"stack"`
}

// Prepared is the work to do: the stored template, and the stack as DescribeStack would return it.
type Prepared struct {
	Rendered RenderResult `json:"rendered"`
	Stack    StackState   `json:"stack"`
	// Closed says that an unfinished removal has closed buckets of the stack, which is still in
	// service: ReopenBuckets must open them again.
	Closed bool `json:"closed,omitempty"`
	// Withdraws says that the environment has variables or secrets that the template does not set:
	// WithdrawOptions has to remove them.
	Withdraws bool `json:"withdraws,omitempty"`
}

// RenderResult says where the rendered template is.
type RenderResult struct {
	// Hash is the template's hash, the same as its output PerchTemplate.
	Hash string `json:"hash"`
	// Resources is how many resources the template has.
	Resources int `json:"resources"`
	// SeedSteps is how many seed steps perch.yaml names that need no app, and LaterSteps how many
	// that are carried out when the environment answers.
	SeedSteps  int `json:"seed_steps"`
	LaterSteps int `json:"later_steps,omitempty"`
	// SharedDatabase says that the environment's database is in the shared instance and is made
	// by EnsureDatabase.
	SharedDatabase bool `json:"shared_database,omitempty"`
}

// ImageInput names the image to wait for.
type ImageInput struct {
	// Branch and Commit are what the image is built from, for the messages.
	Branch string `json:"branch"`
	Commit string `json:"commit"`
	// Image is the image as perch.yaml names it.
	Image string `json:"image"`
	// PatienceSeconds is how long it may take until its registry has it.
	PatienceSeconds int `json:"patience_seconds"`
}

// ImageResult says what ended the wait.
type ImageResult struct {
	// Found says that the registry has the image. Otherwise the registry does not answer any more.
	Found bool `json:"found"`
}

// ImageWait is how long the missing image is waited for.
func (r AdmitResult) ImageWait() time.Duration {
	return time.Duration(r.ImageWaitSeconds) * time.Second
}
