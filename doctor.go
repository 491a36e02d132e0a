package perch

// WorkflowDoctor answers `perch doctor` for what only a worker can see.
const WorkflowDoctor = "Doctor"

// Check is one link of the chain from a starter to an environment.
type Check struct {
	Name string `json:"name"`
	// OK says that it was looked at and holds, or that there is nothing to look at and nothing is
	// needed.
	OK bool `json:"ok"`
	// Checked is false if it was not looked at: something that it needs is missing, or OK is true.
	// Detail says what.
	Checked bool `json:"checked"`
	// Detail says what was found, and what to do where something is missing.
	Detail string `json:"detail"`
}

// Names of the checks that a worker makes. Where the policy allows kind production there is a
// second CheckApplication, with the kind behind its name. CheckReports is made if the source is on
// GitHub.
const (
	CheckAccount     = "account"
	CheckApplication = "application"
	CheckRights      = "permissions"
	CheckRepository  = "repository"
	CheckStacks      = "stacks"
	CheckAddresses   = "addresses"
	CheckDomain      = "domain"
	CheckCertificate = "certificate"
	CheckReports     = "reports"
)

// WorkerChecks are the names of the checks that every worker makes, in order.
func WorkerChecks() []string {
	return []string{
		CheckAccount,
		CheckApplication,
		CheckRights,
		CheckRepository,
		CheckStacks,
		CheckAddresses,
		CheckDomain,
		CheckCertificate,
	}
}

// DoctorInput is the input of Doctor.
type DoctorInput struct {
	Project string `json:"project"`
}

// DoctorResult is the result of Doctor.
type DoctorResult struct {
	Checks []Check `json:"checks"`
}
