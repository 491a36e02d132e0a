package perch

// WorkflowDoctor answers `perch doctor` for what only a worker can see.
const WorkflowDoctor = "Doctor"

// Check is one condition that must hold between a starter and an environment.
type Check struct {
	Name string `json:"name"`
	// OK says that the check passed, or that it is not needed.
	OK bool `json:"ok"`
	// Checked is false if the check was not made, because something that it needs is missing, or
	// because it is not needed (OK is true then). Detail says which.
	Checked bool `json:"checked"`
	// Detail says what was found, and what to do if something is missing.
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
