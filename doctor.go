package perch

// WorkflowDoctor runs the checks of `perch doctor` that only a worker can make.
const WorkflowDoctor = "Doctor"

// Check is the result of checking one condition that an environment depends on.
type Check struct {
	Name string `json:"name"`
	// OK means that the check passed or is not needed.
	OK bool `json:"ok"`
	// Checked is false if the check was not made, either because a prerequisite is missing or
	// because the check is not needed (then OK is true). Detail says which.
	Checked bool `json:"checked"`
	// Detail says what was found and, if something is missing, what to do.
	Detail string `json:"detail"`
}

// Names of the checks that a worker makes. If the policy allows kind production, there is a second
// CheckApplication, whose name ends with the kind. CheckReports is made only if the source is on
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

// WorkerChecks returns the names of the checks that every worker makes, in order.
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
