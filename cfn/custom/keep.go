package custom

import (
	"fmt"

	"perch/cfn"
	"perch/document"
)

// Kept is a resource that stays, or leaves a snapshot, when its stack is deleted, because the
// template says so.
type Kept struct {
	// ID is the logical id, Type the resource's type.
	ID, Type string
	// Policy is Retain or Snapshot.
	Policy string
	// Unsaid says that the template names no policy and AWS's own default decides.
	Unsaid bool
}

func (k Kept) String() string {
	stays := "it stays"
	if k.Policy == "Snapshot" {
		stays = "a snapshot of it stays"
	}
	if k.Unsaid {
		return fmt.Sprintf(
			"%s (%s) has no DeletionPolicy, which for a database means Snapshot: %s", k.ID, k.Type, stays,
		)
	}
	return fmt.Sprintf("%s (%s) has DeletionPolicy %s: %s", k.ID, k.Type, k.Policy, stays)
}

// Left reports whether a deletion that has come to the resource, and has brought it to status, has
// left something of it.
func (k Kept) Left(status string) bool {
	return k.Policy == "Retain" && status == "DELETE_SKIPPED" || k.Policy == "Snapshot" && status == "DELETE_COMPLETE"
}

// keep is what deletion leaves of a resource of kind with a DeletionPolicy; empty for nothing.
// RetainExceptOnCreate differs from Retain only while the stack is made. The defaults for
// databases: AWS docs, DeletionPolicy attribute.
func keep(kind, policy string, inCluster bool) (string, bool) {
	switch {
	case kind == "AWS::Route53::RecordSet":
		// A name that leads nowhere can be taken over: one that stays is a failure, even if it was
		// wanted.
		return "", false
	case policy == "Retain" || policy == "RetainExceptOnCreate":
		return "Retain", false
	case policy == "Snapshot":
		return "Snapshot", false
	case policy == "" && (kind == "AWS::RDS::DBCluster" || kind == "AWS::RDS::DBInstance" && !inCluster):
		return "Snapshot", true
	}
	return "", false
}

// Kept are the resources that outlive their stack, in the order of the file.
func (t *Template) Kept() []Kept {
	var kept []Kept
	for _, r := range t.resources {
		if policy, unsaid := keep(r.kind, r.policy, r.properties.Get("DBClusterIdentifier") != nil); policy != "" {
			kept = append(kept, Kept{r.id, r.kind, policy, unsaid})
		}
	}
	return kept
}

// KeptBy reads the same from a deployed template, by logical id. Only what Render wrote has any:
// what Perch's own templates leave behind is a leftover.
func KeptBy(body []byte) map[string]Kept {
	kept := map[string]Kept{}
	t := deployed(body)
	if t.root.Get("Outputs").Get(cfn.OutputCustomURL) == nil {
		return kept
	}
	for _, resource := range t.Kept() {
		kept[resource.ID] = resource
	}
	return kept
}

// DeletedBy reads from a deployed template which resources it says to delete with the stack, by
// logical id.
func DeletedBy(body []byte) map[string]bool {
	deletes := map[string]bool{}
	for _, r := range deployed(body).resources {
		if r.policy == "Delete" {
			deletes[r.id] = true
		}
	}
	return deletes
}

// DeletesLogs reads from a deployed template which Beanstalk environments delete their log groups
// when they are terminated, by logical id.
func DeletesLogs(body []byte) map[string]bool {
	deletes := map[string]bool{}
	for _, r := range deployed(body).resources {
		options := r.properties.Get("OptionSettings")
		if r.kind != kindBeanstalk || options == nil {
			continue
		}
		for _, option := range options.Items {
			// The name is that of one option only: Beanstalk guide, "General options".
			if option.Under("OptionName") == "DeleteOnTerminate" && option.Under("Value") == "true" {
				deletes[r.id] = true
			}
		}
	}
	return deletes
}

// deployed is a template that a stack has, without checks; one that cannot be read has no
// resources.
func deployed(body []byte) *Template {
	root, source, err := document.Read("the deployed template", body, limits)
	if err != nil {
		return &Template{}
	}
	t := &Template{source: source, root: root}
	t.readResources(document.NewReport(source))
	return t
}
