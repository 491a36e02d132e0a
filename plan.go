package perch

// PlanInput is the input of Plan.
type PlanInput struct {
	// Request is the `up` to plan. It is not sent to the environment.
	Request Request `json:"request"`
}

// PlanResult is the result of Plan: what an `up` would do. Plan itself changes nothing.
type PlanResult struct {
	// Outcome is OutcomePlanned, or the outcome with which the request would end immediately:
	// rejected, skipped, superseded, or failed if no step is possible in the stack's status. In
	// that case only Reason and SupersededBy are set as well.
	Outcome      Outcome `json:"outcome"`
	Reason       string  `json:"reason,omitempty"`
	SupersededBy string  `json:"superseded_by,omitempty"`
	// Kind is the environment's kind. Host is its host name; empty without a domain. URL is its
	// address; empty if AWS assigns it later.
	Kind Kind   `json:"kind,omitempty"`
	Host string `json:"host,omitempty"`
	URL  string `json:"url,omitempty"`
	// Status is the stack's status; empty if there is no stack. Deployed is the deployed commit.
	// Protected means that the stack must not be removed.
	Status    string `json:"status,omitempty"`
	Deployed  string `json:"deployed,omitempty"`
	Protected bool   `json:"protected,omitempty"`
	// Step is the first step on the stack, by its name in package lifecycle: create, update, done,
	// wait, delete ...
	Step string `json:"step,omitempty"`
	// Changes are the resources that would be created, changed, replaced or removed, by logical id.
	Changes []ResourceChange `json:"changes,omitempty"`
	// Outputs are the names of the stack's outputs that would change.
	Outputs []string `json:"outputs,omitempty"`
	// SharedDatabase means that the environment's database is in the instance that environments
	// share. That database is not part of the environment's stack.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// Warnings are sentences about what could not be checked, or what an `up` would wait for.
	Warnings []string `json:"warnings,omitempty"`
	// Settings are the settings that differ from those of kind staging. A is the value of staging.
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

// ResourceChange is the effect of an update on one resource.
type ResourceChange struct {
	LogicalID string       `json:"logical_id"`
	Type      string       `json:"type"`
	Action    ChangeAction `json:"action"`
	// Replacement is `yes`, `no`, `maybe` or `unknown`. `maybe` means that it depends on the
	// change, or on another resource that may be replaced. `unknown` means that Perch has no data
	// on the type or property. It is empty for resources that are created or removed.
	Replacement string `json:"replacement"`
	// Data is what happens to the data in a resource that is removed or may be replaced: `lost`,
	// `snapshot` or `retained`. It is empty if no data is affected.
	Data string `json:"data"`
	// Rejected explains why CloudFormation would reject the change; empty if it would not.
	Rejected string `json:"rejected"`
	// Properties are the changed properties of an existing resource, by name.
	Properties []PropertyChange `json:"properties"`
}

// PropertyChange is a changed property, or a changed resource attribute such as DeletionPolicy.
type PropertyChange struct {
	Name        string `json:"name"`
	Replacement string `json:"replacement"`
	// Paths are the paths below the property whose values differ. The values are left out.
	Paths []string `json:"paths"`
	// Because is the resource whose replacement changes the property; empty if the template itself
	// differs.
	Because string `json:"because"`
}

// SettingDifference is a setting in which two environments differ; see config.Difference.
type SettingDifference struct {
	Path  string  `json:"path"`
	A     any     `json:"a"`
	B     any     `json:"b"`
	AFrom *string `json:"a_from"`
	BFrom *string `json:"b_from"`
}

// TimeEstimate is how long CloudFormation typically takes, computed along the critical path of
// dependent steps.
type TimeEstimate struct {
	Seconds float64    `json:"seconds"`
	Path    []TimeStep `json:"path"`
	// Assumed are the changed resource types whose typical duration is unknown.
	Assumed []string `json:"assumed"`
}

// TimeStep is one step of the critical path. Action is create, update or remove.
type TimeStep struct {
	LogicalID string  `json:"logical_id"`
	Action    string  `json:"action"`
	Seconds   float64 `json:"seconds"`
}

// CostEstimate is the daily cost of an environment while it exists, by the price table in package
// forecast.
type CostEstimate struct {
	// USDPerDay is the sum of Items. It does not include what Missing and LeftOut name.
	USDPerDay float64 `json:"usd_per_day"`
	Region    string  `json:"region"`
	// Date is when the prices were looked up, formatted as 2006-01-02.
	Date  string     `json:"date"`
	Items []CostItem `json:"items"`
	// Missing are sentences that name items without a price in the table.
	Missing []string `json:"missing"`
	// LeftOut names items that are charged by use.
	LeftOut []string `json:"left_out"`
}

// CostItem is a part of the cost.
type CostItem struct {
	LogicalID string  `json:"logical_id"`
	What      string  `json:"what"`
	USDPerDay float64 `json:"usd_per_day"`
}
