package perch

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Removal is what a removal must find deleted of one stack. Perch writes it into the environment's
// card before it deletes the stack, because a deleted stack no longer names its resources, and
// removes it when they are known to be deleted. So every later run knows what is left of an
// environment, regardless of what happens to the run that removed it.
type Removal struct {
	// StackID is the stack.
	StackID string `json:"stack_id"`
	// Begun is when the removal began, in UTC.
	Begun time.Time `json:"begun"`
	// Contents are what the stack held before anything of it was deleted.
	Contents StackContents `json:"contents"`
	// Leftovers are what the last check still found; empty before the first one.
	Leftovers []string `json:"leftovers,omitempty"`
	// Known are those of Leftovers that no service can confirm, such as a database that could not
	// be dropped.
	Known []string `json:"known,omitempty"`
	// Unconfirmed are what the tagging API still listed and no service could confirm. Deleted
	// resources are listed for hours, so they count as leftovers only after the longest time that a
	// removal takes.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
}

// RemovalFailed reports whether the environment's last run was a removal that failed.
func (c Card) RemovalFailed() bool {
	return c.State.Goal == GoalGone && c.State.Phase == PhaseFailed
}

// StackContents are the physical ids of a stack's resources that a teardown must find deleted. They
// come from the stack's resources, not from its outputs: a stack that was rolled back has none.
type StackContents struct {
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
	Kept []KeptResource `json:"kept,omitempty"`
	// Resources is how many resources the stack has that are not deleted.
	Resources int `json:"resources"`
}

// KeptResource is a resource that the deletion of its stack leaves behind, because its template
// says so.
type KeptResource struct {
	// Type and ID are the resource's type and physical id.
	Type string `json:"type"`
	ID   string `json:"id"`
	// Snapshot says that only a snapshot of it stays.
	Snapshot bool `json:"snapshot,omitempty"`
}

// Names reports whether a resource is among the contents.
func (c StackContents) Names(resourceType, physicalID string) bool {
	switch resourceType {
	case "AWS::S3::Bucket":
		return slices.Contains(c.Buckets, physicalID)
	case "AWS::RDS::DBInstance":
		return slices.Contains(c.Databases, physicalID)
	case "AWS::RDS::DBCluster":
		return slices.Contains(c.Clusters, physicalID)
	case "AWS::ElasticBeanstalk::Environment":
		return slices.Contains(c.Environments, physicalID)
	}
	return false
}

// Add adds what other holds and c does not name yet.
func (c *StackContents) Add(other StackContents) {
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
func (c StackContents) KeepsSnapshot(database string) bool {
	return slices.ContainsFunc(c.Kept, func(k KeptResource) bool { return k.Snapshot && k.ID == database })
}

// Keeps reports whether an ARN is of a resource that the template keeps.
func (c StackContents) Keeps(arn string) bool {
	return slices.ContainsFunc(c.Kept, func(k KeptResource) bool {
		if k.Snapshot {
			return strings.Contains(arn, "snapshot:") && strings.Contains(arn, k.ID)
		}
		return k.Is(arn)
	})
}

// Is reports whether an ARN is the resource's.
func (k KeptResource) Is(arn string) bool {
	name := k.name()
	return arn == name || strings.HasSuffix(arn, ":"+name) || strings.HasSuffix(arn, "/"+name)
}

// name is the end of the resource's ARN, or all of it. The physical id of a queue is its address,
// and that of a parameter or a log group may begin with a slash that an ARN has only once.
func (k KeptResource) name() string {
	if strings.HasPrefix(k.ID, "https://") {
		return path.Base(k.ID)
	}
	return strings.TrimPrefix(k.ID, "/")
}

// String says what stays.
func (k KeptResource) String() string {
	if k.Snapshot {
		return fmt.Sprintf("a snapshot of %s %s", k.Type, k.ID)
	}
	return k.Type + " " + k.ID
}

// SnapshotOfDatabase reports whether only a snapshot stays that RDS lists for the database.
func (k KeptResource) SnapshotOfDatabase() bool {
	return k.Snapshot && k.Type == "AWS::RDS::DBInstance"
}
