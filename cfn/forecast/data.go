package forecast

import (
	"strings"

	"perch/cfn/spec"
)

// These words say what happens to the data in a resource that is removed.
const (
	lost     = "lost"
	snapshot = "snapshot"
	retained = "retained"
	// left is for buckets. CloudFormation cannot delete a bucket that is not empty, so the bucket
	// stays, outside of the stack.
	left = "left behind"
)

// dataAfterRemoval says what happens to the data in a resource that its stack no longer has. A
// database without a policy leaves a snapshot (AWS docs: DeletionPolicy attribute).
func dataAfterRemoval(r resource) string {
	policy, given := r.attributes["DeletionPolicy"].(string)
	if !given && r.database() {
		policy = "Snapshot"
	}
	return r.data(policy)
}

// dataAfterReplacement says what happens to the data in a resource that is replaced. Without a
// policy the data is deleted, even that of databases (AWS docs: UpdateReplacePolicy attribute).
func dataAfterReplacement(r resource) string {
	policy, _ := r.attributes["UpdateReplacePolicy"].(string)
	return r.data(policy)
}

func (r resource) database() bool {
	return r.kind == "AWS::RDS::DBCluster" ||
		r.kind == "AWS::RDS::DBInstance" && r.properties["DBClusterIdentifier"] == nil
}

func (r resource) data(policy string) string {
	switch {
	case !spec.Stateful(r.kind):
		return ""
	case strings.HasPrefix(policy, "Retain"):
		return retained
	case policy == "Snapshot":
		return snapshot
	case r.kind == "AWS::S3::Bucket":
		return left
	}
	return lost
}
