package perch

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Removal lists the resources of one stack whose deletion must be confirmed. Perch writes it into
// the environment's card before it deletes the stack, because a deleted stack no longer names its
// resources. It drops the entry when all are known to be deleted. So a later run knows the
// leftovers even if the run that removed the environment did not finish.
type Removal struct {
	// StackID identifies the stack.
	StackID string `json:"stack_id"`
	// Begun is when the removal began, in UTC.
	Begun time.Time `json:"begun"`
	// Contents are the stack's resources before any deletion.
	Contents StackContents `json:"contents"`
	// Leftovers are the resources that the last check still found; empty before the first check.
	Leftovers []string `json:"leftovers,omitempty"`
	// Known is the part of Leftovers that no service can confirm, such as a database that could not
	// be dropped.
	Known []string `json:"known,omitempty"`
	// Unconfirmed are resources that the tagging API still listed and no service could confirm. The
	// API lists deleted resources for hours. So they count as leftovers only after the longest time
	// that a removal takes.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
}

// RemovalFailed reports whether the environment's last run was a removal that failed.
func (c Card) RemovalFailed() bool {
	return c.State.Goal == GoalGone && c.State.Phase == PhaseFailed
}

// StackContents holds the physical ids of the stack's resources that a teardown has to delete. They
// are read from the stack's resources and not from its outputs, because a stack that was rolled
// back has no outputs.
type StackContents struct {
	// Buckets are names of S3 buckets.
	Buckets []string `json:"buckets,omitempty"`
	// Databases are identifiers of RDS instances.
	Databases []string `json:"databases,omitempty"`
	// Clusters are identifiers of Aurora clusters.
	Clusters []string `json:"clusters,omitempty"`
	// Environments are names of Elastic Beanstalk environments.
	Environments []string `json:"environments,omitempty"`
	// Logs are prefixes of the log groups that Beanstalk deletes together with an environment,
	// because the environment's options say so.
	Logs []string `json:"logs,omitempty"`
	// Records are host names in Route 53.
	Records []string `json:"records,omitempty"`
	// Kept are the resources that the stack's template retains. They are in no other list.
	Kept []KeptResource `json:"kept,omitempty"`
	// Resources counts the stack's resources that are not deleted.
	Resources int `json:"resources"`
}

// KeptResource is a resource that remains after the deletion of its stack, because the template
// says so.
type KeptResource struct {
	// Type is the resource's type, and ID its physical id.
	Type string `json:"type"`
	ID   string `json:"id"`
	// Snapshot means that only a snapshot of the resource remains.
	Snapshot bool `json:"snapshot,omitempty"`
}

// Names reports whether the contents include a resource.
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

// Add adds the resources of other that c does not have yet.
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

// KeepsSnapshot reports whether the template requests a final snapshot of a database.
func (c StackContents) KeepsSnapshot(database string) bool {
	return slices.ContainsFunc(c.Kept, func(k KeptResource) bool { return k.Snapshot && k.ID == database })
}

// Keeps reports whether the template retains the resource with the ARN.
func (c StackContents) Keeps(arn string) bool {
	return slices.ContainsFunc(c.Kept, func(k KeptResource) bool {
		if k.Snapshot {
			return strings.Contains(arn, "snapshot:") && strings.Contains(arn, k.ID)
		}
		return k.Is(arn)
	})
}

// Is reports whether arn identifies the resource.
func (k KeptResource) Is(arn string) bool {
	name := k.name()
	return arn == name || strings.HasSuffix(arn, ":"+name) || strings.HasSuffix(arn, "/"+name)
}

// name returns the text that the resource's ARN ends with. A queue's physical id is its URL. A
// parameter's or log group's id may begin with a slash, which the ARN does not repeat.
func (k KeptResource) name() string {
	if strings.HasPrefix(k.ID, "https://") {
		return path.Base(k.ID)
	}
	return strings.TrimPrefix(k.ID, "/")
}

// String says what remains of the resource.
func (k KeptResource) String() string {
	if k.Snapshot {
		return fmt.Sprintf("a snapshot of %s %s", k.Type, k.ID)
	}
	return k.Type + " " + k.ID
}

// SnapshotOfDatabase reports whether only a snapshot remains, and RDS lists that snapshot under the
// database.
func (k KeptResource) SnapshotOfDatabase() bool {
	return k.Snapshot && k.Type == "AWS::RDS::DBInstance"
}
