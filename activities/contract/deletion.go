package contract

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"perch"
	"perch/lifecycle"
)

// PrepareInput names the stack that is to be deleted.
type PrepareInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack of the environment.
	StackID string `json:"stack_id"`
	// Force leaves out the checks for what a forced removal leaves behind: databases with deletion
	// protection and locked versions.
	Force bool `json:"force,omitempty"`
}

// PrepareResult is what a deletion has to see gone.
type PrepareResult struct {
	// Contents are what the stack holds now.
	Contents Contents `json:"contents"`
	// Obstacle is the sentence why CloudFormation, or a resource of the stack, would reject the
	// deletion; empty if nothing is known to.
	Obstacle string `json:"obstacle,omitempty"`
	// Dropped are what updates of the stack took out of the template and could not delete.
	Dropped []Orphan `json:"dropped,omitempty"`
}

// Contents are the physical ids of what a stack holds and a teardown has to see go. They come from
// the stack's resources, not from its outputs: a stack that was rolled back has none.
type Contents struct {
	// Buckets are names of S3 buckets.
	Buckets []string `json:"buckets,omitempty"`
	// Databases are identifiers of RDS instances.
	Databases []string `json:"databases,omitempty"`
	// Clusters are identifiers of Aurora clusters.
	Clusters []string `json:"clusters,omitempty"`
	// Environments are names of Elastic Beanstalk environments.
	Environments []string `json:"environments,omitempty"`
	// Logs are prefixes of the log groups that Beanstalk deletes with an environment, because its
	// options say so.
	Logs []string `json:"logs,omitempty"`
	// Records are host names in Route 53.
	Records []string `json:"records,omitempty"`
	// Kept are what the stack's template keeps; they are none of the above.
	Kept []Kept `json:"kept,omitempty"`
	// Resources is how many resources the stack has that are not deleted.
	Resources int `json:"resources"`
}

// Kept is a resource that the deletion of its stack leaves behind, because its template says so.
type Kept struct {
	// Type and ID are the resource's type and physical id.
	Type string `json:"type"`
	ID   string `json:"id"`
	// Snapshot says that only a snapshot of it stays.
	Snapshot bool `json:"snapshot,omitempty"`
}

// Remains is what a failed deletion has left of a stack.
type Remains struct {
	// Failures are the resources that CloudFormation failed to delete: the only ones that it takes
	// in RetainResources.
	Failures []lifecycle.Failure `json:"failures,omitempty"`
	// Dropped are what updates of the stack took out of the template and could not delete. The stack
	// does not name it any more, and it may hold what the stack names: a security group its peer.
	Dropped []Orphan `json:"dropped,omitempty"`
}

// SweepInput names what a stack was told to leave behind, or what no stack names any more.
type SweepInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack that it belonged to.
	StackID string `json:"stack_id"`
	// Resources are to be removed through their own services.
	Resources []lifecycle.Failure `json:"resources"`
}

// SweepResult says what a sweep leaves on purpose.
type SweepResult struct {
	// Kept name the final snapshots of the databases that were deleted.
	Kept []string `json:"kept,omitempty"`
}

// VerifyInput names what must be gone.
type VerifyInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack that was deleted; empty if the environment had none, and only what
	// earlier removals left is looked for.
	StackID string `json:"stack_id,omitempty"`
	// Contents are the physical ids that were listed before the deletion. They count only if no
	// application stack keeps the record of the removal, which is believed instead.
	Contents Contents `json:"contents"`
	// SharedDatabase says that the environment may have had a database in the shared instance.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// Known name what is known to be left without a look: SharedDatabaseName, if that could not be
	// dropped.
	Known []string `json:"known,omitempty"`
	// Swept says that the orphans of an earlier verification have been deleted as far as possible.
	Swept bool `json:"swept,omitempty"`
}

// VerifyResult says what is still there.
type VerifyResult struct {
	// Leftovers name each thing that was still seen, with its type; empty when the environment is
	// gone.
	Leftovers []string `json:"leftovers,omitempty"`
	// Unconfirmed name what the tagging API lists although it may be gone, and what Perch cannot
	// ask for.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
	// Kept name what stays because the stack's template says so.
	Kept []string `json:"kept,omitempty"`
	// Orphans are what no stack names any more and Perch can delete. If there are any, nothing else
	// was verified yet.
	Orphans []Orphan `json:"orphans,omitempty"`
}

// Orphan is a resource of a deleted stack that no stack names any more and that Perch can delete.
type Orphan struct {
	// Type is its type in CloudFormation, and PhysicalID its id.
	Type       string `json:"type"`
	PhysicalID string `json:"physical_id"`
	// StackID is the stack that made it.
	StackID string `json:"stack_id"`
}

// Names reports whether a resource is among the contents.
func (c Contents) Names(resource Orphan) bool {
	switch resource.Type {
	case "AWS::S3::Bucket":
		return slices.Contains(c.Buckets, resource.PhysicalID)
	case "AWS::RDS::DBInstance":
		return slices.Contains(c.Databases, resource.PhysicalID)
	case "AWS::RDS::DBCluster":
		return slices.Contains(c.Clusters, resource.PhysicalID)
	case "AWS::ElasticBeanstalk::Environment":
		return slices.Contains(c.Environments, resource.PhysicalID)
	}
	return false
}

// Add adds what other holds and c does not name yet.
func (c *Contents) Add(other Contents) {
	c.Buckets = union(c.Buckets, other.Buckets)
	c.Databases = union(c.Databases, other.Databases)
	c.Clusters = union(c.Clusters, other.Clusters)
	c.Environments = union(c.Environments, other.Environments)
	c.Logs = union(c.Logs, other.Logs)
	c.Records = union(c.Records, other.Records)
	for _, kept := range other.Kept {
		if !slices.Contains(c.Kept, kept) {
			c.Kept = append(c.Kept, kept)
		}
	}
	c.Resources = max(c.Resources, other.Resources)
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// KeepsSnapshot reports whether the template wants a final snapshot of a database.
func (c Contents) KeepsSnapshot(database string) bool {
	return slices.ContainsFunc(c.Kept, func(k Kept) bool { return k.Snapshot && k.ID == database })
}

// Keeps reports whether an ARN is of a resource that the template keeps.
func (c Contents) Keeps(arn string) bool {
	return slices.ContainsFunc(c.Kept, func(k Kept) bool {
		if k.Snapshot {
			return strings.Contains(arn, "snapshot:") && strings.Contains(arn, k.ID)
		}
		return k.Is(arn)
	})
}

// Is reports whether an ARN is the resource's.
func (k Kept) Is(arn string) bool {
	name := k.name()
	return arn == name || strings.HasSuffix(arn, ":"+name) || strings.HasSuffix(arn, "/"+name)
}

// name is the end of the resource's ARN, or all of it. The physical id of a queue is its address,
// and that of a parameter or a log group may begin with a slash that an ARN has only once.
func (k Kept) name() string {
	if strings.HasPrefix(k.ID, "https://") {
		return path.Base(k.ID)
	}
	return strings.TrimPrefix(k.ID, "/")
}

// String says what stays.
func (k Kept) String() string {
	if k.Snapshot {
		return fmt.Sprintf("a snapshot of %s %s", k.Type, k.ID)
	}
	return k.Type + " " + k.ID
}

// SnapshotOfDatabase reports whether only a snapshot stays that RDS can be asked for by the
// database.
func (k Kept) SnapshotOfDatabase() bool { return k.Snapshot && k.Type == "AWS::RDS::DBInstance" }
