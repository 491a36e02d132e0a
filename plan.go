package perch

// PlanInput is the input of Plan.
type PlanInput struct {
	// Request is the `up` to plan; it is not sent.
	Request Request `json:"request"`
}

// PlanResult is the result of Plan: what an `up` would do. Nothing of it has been done.
type PlanResult struct {
	// Outcome is OutcomePlanned, or how the request would end at once: rejected, skipped,
	// superseded, or failed if no step is possible in the stack's status. Only Reason and
	// SupersededBy are set then.
	Outcome      Outcome `json:"outcome"`
	Reason       string  `json:"reason,omitempty"`
	SupersededBy string  `json:"superseded_by,omitempty"`
	// Kind is the environment's kind, Host its host name (empty without a domain) and URL its
	// address; empty if only AWS will give one.
	Kind Kind   `json:"kind,omitempty"`
	Host string `json:"host,omitempty"`
	URL  string `json:"url,omitempty"`
	// Status is the stack's status, empty if there is none; Deployed the commit that is deployed;
	// Protected says that the stack must not be removed.
	Status    string `json:"status,omitempty"`
	Deployed  string `json:"deployed,omitempty"`
	Protected bool   `json:"protected,omitempty"`
	// Step is the first thing that would be done to the stack, as the rules call it: create,
	// update, done, wait, delete ...
	Step string `json:"step,omitempty"`
	// Changes are the resources that would be created, changed, replaced or removed, by logical id.
	Changes []ResourceChange `json:"changes,omitempty"`
	// Outputs are the names of the stack's outputs that would change.
	Outputs []string `json:"outputs,omitempty"`
	// SharedDatabase says that the environment has its database in the instance that environments
	// share, which has no stack.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// Warnings are sentences about what could not be checked, or what an `up` would wait for.
	Warnings []string `json:"warnings,omitempty"`
	// Settings are the settings that differ from those of kind staging: A is staging's side.
	Settings []SettingDifference `json:"settings,omitempty"`
	Time     TimeEstimate        `json:"time,omitzero"`
	Cost     CostEstimate        `json:"cost,omitzero"`
}

// ChangeAction is what happens to a resource.
type ChangeAction string

// The actions.
const (
	ActionCreate  ChangeAction = "create"
	ActionChange  ChangeAction = "change"
	ActionReplace ChangeAction = "replace"
	ActionRemove  ChangeAction = "remove"
)

// ResourceChange is what an update does to one resource.
type ResourceChange struct {
	LogicalID string       `json:"logical_id"`
	Type      string       `json:"type"`
	Action    ChangeAction `json:"action"`
	// Replacement is `yes`, `maybe` (it depends on the change, or on another resource that may be
	// replaced), `no`, or `unknown` for types and properties that Perch has no data of. It is empty
	// for what is created or removed.
	Replacement string `json:"replacement"`
	// Data says what happens to the data in a resource that is removed, replaced or may be
	// replaced: `lost`, `snapshot` or `retained`; empty if no data is at stake.
	Data string `json:"data"`
	// Rejected is why CloudFormation will not take the change; empty if it will.
	Rejected string `json:"rejected"`
	// Properties are what changes in a resource that is there, by name.
	Properties []PropertyChange `json:"properties"`
}

// PropertyChange is a property that changes, or an attribute of the resource such as
// DeletionPolicy.
type PropertyChange struct {
	Name        string `json:"name"`
	Replacement string `json:"replacement"`
	// Paths are the places below the property that differ, without their values.
	Paths []string `json:"paths"`
	// Because is the resource whose replacement changes the property; empty if the template itself
	// differs.
	Because string `json:"because"`
}

// SettingDifference is a setting in which two environments differ: config.Difference.
type SettingDifference struct {
	Path  string  `json:"path"`
	A     any     `json:"a"`
	B     any     `json:"b"`
	AFrom *string `json:"a_from"`
	BFrom *string `json:"b_from"`
}

// TimeEstimate is how long CloudFormation typically takes: the steps that wait for each other
// longest.
type TimeEstimate struct {
	Seconds float64    `json:"seconds"`
	Path    []TimeStep `json:"path"`
	// Assumed are the resource types among the changes that have no typical duration.
	Assumed []string `json:"assumed"`
}

// TimeStep is one step of the critical path: Action is create, update or remove.
type TimeStep struct {
	LogicalID string  `json:"logical_id"`
	Action    string  `json:"action"`
	Seconds   float64 `json:"seconds"`
}

// CostEstimate is what an environment costs for every day that it is there, by the price table in
// package forecast.
type CostEstimate struct {
	// USDPerDay is the sum of Items. It says nothing of what Missing and LeftOut name.
	USDPerDay float64 `json:"usd_per_day"`
	Region    string  `json:"region"`
	// Date is when the table's prices were looked up, as 2006-01-02.
	Date  string     `json:"date"`
	Items []CostItem `json:"items"`
	// Missing are sentences that name what the table has no price for.
	Missing []string `json:"missing"`
	// LeftOut names what costs by use.
	LeftOut []string `json:"left_out"`
}

// CostItem is a part of the cost.
type CostItem struct {
	LogicalID string  `json:"logical_id"`
	What      string  `json:"what"`
	USDPerDay float64 `json:"usd_per_day"`
}
