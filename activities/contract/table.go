package contract

import (
	"time"

	"perch"
)

var (
	// calling is for activities that make a few calls. A throttle or failure that lasts longer is
	// not temporary.
	calling = Limits{Try: time.Minute, Total: 15 * time.Minute}
	// reporting is for delivering reports. If a report cannot be delivered in time, the next report
	// or the sweep delivers it.
	reporting = Limits{Try: time.Minute, Total: 2 * time.Minute}
	// asking is for activities that call the branch source, whose rate limit may last most of an
	// hour.
	asking = Limits{Try: time.Minute, Total: 70 * time.Minute}
	// listing is for activities that list all branches and stacks.
	listing = Limits{Try: 20 * time.Minute, Total: 70 * time.Minute}
	// changing is for activities that wait for one CloudFormation operation. A database alone takes
	// ten minutes. CloudFormation would wait 36 hours for an operation that hangs.
	changing = Limits{Try: 2 * time.Hour, Total: 2 * time.Hour}
	// working is for activities that seed, that empty a bucket, or that wait until the environment
	// answers.
	working = Limits{Try: 2 * time.Hour, Total: 2 * time.Hour}
	// connecting is for activities on the shared database instance. If the instance is unreachable
	// for longer, the fault is not temporary: the worker has no route to it. A removal must not
	// wait for that.
	connecting = Limits{Try: 15 * time.Minute, Total: 15 * time.Minute}
)

// Requests.
var (
	Admit = define[AdmitInput, AdmitResult]("Admit", QueueQuick, asking)
	// AdmitRemoval is Admit for a removal, which does not call the branch source.
	AdmitRemoval    = Admit.within(calling)
	PlanEnvironment = define[perch.PlanInput, perch.PlanResult]("PlanEnvironment", QueueQuick, calling)
	AwaitImage      = define[ImageInput, ImageResult]("AwaitImage", QueueWaits, working)
)

// Stacks of environments.
var (
	DescribeStack    = define[StackInput, StackState]("DescribeStack", QueueQuick, calling)
	CreateStack      = define[ChangeInput, ChangeResult]("CreateStack", QueueQuick, calling)
	UpdateStack      = define[ChangeInput, ChangeResult]("UpdateStack", QueueQuick, calling)
	DeleteStack      = define[ChangeInput, ChangeResult]("DeleteStack", QueueQuick, calling)
	CancelUpdate     = define[ChangeInput, ChangeResult]("CancelUpdate", QueueQuick, calling)
	ContinueRollback = define[ChangeInput, ChangeResult]("ContinueRollback", QueueQuick, calling)
	RollbackStack    = define[ChangeInput, ChangeResult]("RollbackStack", QueueQuick, calling)
	AwaitStack       = define[AwaitInput, AwaitResult]("AwaitStack", QueueWaits, changing)
	AwaitBeanstalk   = define[StackInput, Nothing]("AwaitBeanstalk", QueueWaits, working)
	WithdrawOptions  = define[StackInput, Nothing]("WithdrawOptions", QueueWaits, working)
)

// Data of environments, and whether they answer.
var (
	SeedData       = define[SeedInput, SeedResult]("SeedData", QueueWaits, working)
	ReopenBuckets  = define[ReopenInput, ReopenResult]("ReopenBuckets", QueueWaits, working)
	EmptyBucket    = define[EmptyBucketInput, EmptyBucketResult]("EmptyBucket", QueueWaits, working)
	EnsureDatabase = define[DatabaseInput, DatabaseResult]("EnsureDatabase", QueueWaits, connecting)
	DropDatabase   = define[DatabaseInput, DatabaseResult]("DropDatabase", QueueWaits, connecting)
	AwaitReady     = define[ReadyInput, ReadyResult]("AwaitReady", QueueWaits, working)
)

// Deletions, and what they leave.
var (
	PrepareDeletion  = define[PrepareInput, PrepareResult]("PrepareDeletion", QueueQuick, calling)
	DiagnoseDeletion = define[StackInput, Remains]("DiagnoseDeletion", QueueQuick, calling)
	SweepResources   = define[SweepInput, SweepResult]("SweepResources", QueueWaits, working)
	VerifyGone       = define[VerifyInput, VerifyResult]("VerifyGone", QueueWaits, working)
)

// Cards and reports.
var (
	// Report has a short limit, because a run waits for its last report.
	Report = define[ReportInput, ReportResult]("Report", QueueQuick, reporting)
	// TakeNotes is Report for notes. Its limit is longer, because notes are stored nowhere else
	// once the run has ended.
	TakeNotes = Report.within(calling)
)

// Cleanup.
var (
	PlanCleanup      = define[perch.CleanupInput, PlanResult]("PlanCleanup", QueueWaits, listing)
	AskRemoval       = define[AskInput, AskResult]("AskRemoval", QueueQuick, calling)
	AskDeployment    = define[DeploymentInput, AskResult]("AskDeployment", QueueQuick, calling)
	LastLook         = define[LastLookInput, LastLookResult]("LastLook", QueueQuick, asking)
	SweepExpiry      = define[perch.ExpiryInput, perch.ExpiryResult]("SweepExpiry", QueueWaits, listing)
	RecheckLeftovers = define[perch.CleanupInput, RecheckResult]("RecheckLeftovers", QueueWaits, working)
)

// Pins and extensions.
var Keep = define[perch.KeepInput, perch.KeepResult]("Keep", QueueQuick, calling)

// Looks at branches.
var LookAtBranch = define[LookInput, LookResult]("LookAtBranch", QueueQuick, asking)

// Runs that read, and the stack that environments share.
var (
	ListEnvironments    = define[perch.ListInput, perch.ListResult]("ListEnvironments", QueueQuick, calling)
	DescribeEnvironment = define[perch.StatusInput, perch.StatusResult]("DescribeEnvironment", QueueQuick, calling)
	ListHistory         = define[perch.HistoryInput, perch.HistoryResult]("ListHistory", QueueQuick, calling)
	Examine             = define[perch.DoctorInput, perch.DoctorResult]("Examine", QueueQuick, calling)
	ApplyApplication    = define[ApplyInput, ChangeResult]("ApplyApplication", QueueQuick, calling)
	DescribeApplication = define[perch.ApplicationInput, perch.ApplicationResult](
		"DescribeApplication", QueueQuick, calling)
)
