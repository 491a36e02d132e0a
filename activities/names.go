package activities

import "perch/activities/contract"

// Names of the contract, for the files that do not name the package yet.
type (
	StackInput        = contract.StackInput
	StackState        = contract.StackState
	ChangeInput       = contract.ChangeInput
	ChangeResult      = contract.ChangeResult
	AwaitInput        = contract.AwaitInput
	AwaitResult       = contract.AwaitResult
	ApplyInput        = contract.ApplyInput
	AdmitInput        = contract.AdmitInput
	AdmitResult       = contract.AdmitResult
	Settled           = contract.Settled
	Prepared          = contract.Prepared
	RenderResult      = contract.RenderResult
	ImageInput        = contract.ImageInput
	ImageResult       = contract.ImageResult
	SeedInput         = contract.SeedInput
	SeedResult        = contract.SeedResult
	ReopenInput       = contract.ReopenInput
	ReopenResult      = contract.ReopenResult
	DatabaseInput     = contract.DatabaseInput
	DatabaseResult    = contract.DatabaseResult
	EmptyBucketInput  = contract.EmptyBucketInput
	EmptyBucketResult = contract.EmptyBucketResult
	ReadyInput        = contract.ReadyInput
	ReadyResult       = contract.ReadyResult
	PrepareInput      = contract.PrepareInput
	PrepareResult     = contract.PrepareResult
	Contents          = contract.Contents
	Kept              = contract.Kept
	Remains           = contract.Remains
	SweepResult       = contract.SweepResult
	SweepInput        = contract.SweepInput
	VerifyInput       = contract.VerifyInput
	VerifyResult      = contract.VerifyResult
	Orphan            = contract.Orphan
	PlanResult        = contract.PlanResult
	LastLookInput     = contract.LastLookInput
	LastLookResult    = contract.LastLookResult
	AskInput          = contract.AskInput
	AskResult         = contract.AskResult
	RecheckResult     = contract.RecheckResult
)
