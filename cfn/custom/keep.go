package custom

import (
	"fmt"

	"perch/cfn"
	"perch/document"
)

// Kept is a resource that stays, or leaves a snapshot, when its stack is deleted, because the
// template or AWS's default says so.
type Kept struct {
	// ID is the logical id, and Type the resource's type.
	ID, Type string
	// Policy is Retain or Snapshot.
	Policy string
	// Unsaid means that the template sets no policy, so AWS's default applies.
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

// Left reports whether a deletion that has reached the resource, and given it this status, left
// something of it.
func (k Kept) Left(status string) bool {
	return k.Policy == "Retain" && status == "DELETE_SKIPPED" || k.Policy == "Snapshot" && status == "DELETE_COMPLETE"
}

// keep returns which policy applies to a resource of type kind with this DeletionPolicy; empty if
// its deletion leaves nothing. RetainExceptOnCreate counts as Retain, because the two differ only
// while the stack is created. For the defaults of databases see AWS docs, DeletionPolicy attribute.
func keep(kind, policy string, inCluster bool) (string, bool) {
	switch {
	case kind == "AWS::Route53::RecordSet":
		// A DNS record of a deleted environment lets others take over the host name. So a record
		// that stays is a failure, even if the template wants it.
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

// Kept returns the resources that stay after their stack is deleted, in the order of the file.
func (t *Template) Kept() []Kept {
	var kept []Kept
	for _, r := range t.resources {
		if policy, unsaid := keep(r.kind, r.policy, r.properties.Get("DBClusterIdentifier") != nil); policy != "" {
			kept = append(kept, Kept{r.id, r.kind, policy, unsaid})
		}
	}
	return kept
}

// KeptBy returns the kept resources of a deployed template, by logical id. Only a template that the
// Render of this package wrote has any. What a template of Perch leaves behind is always a
// leftover.
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

// DeletedBy returns the resources that a deployed template deletes with its stack, by logical id.
func DeletedBy(body []byte) map[string]bool {
	deletes := map[string]bool{}
	for _, r := range deployed(body).resources {
		if r.policy == "Delete" {
			deletes[r.id] = true
		}
	}
	return deletes
}

// DeletesLogs returns the Beanstalk environments of a deployed template that delete their log
// groups when they are terminated, by logical id.
func DeletesLogs(body []byte) map[string]bool {
	deletes := map[string]bool{}
	for _, r := range deployed(body).resources {
		options := r.properties.Get("OptionSettings")
		if r.kind != kindBeanstalk || options == nil {
			continue
		}
		for _, option := range options.Items {
			// Only one namespace has an option of this name (Beanstalk guide, "General options").
			if option.Under("OptionName") == "DeleteOnTerminate" && option.Under("Value") == "true" {
				deletes[r.id] = true
			}
		}
	}
	return deletes
}

// deployed reads the template of a stack without checks. If it cannot be read, it has no resources.
func deployed(body []byte) *Template {
	root, source, err := document.Read("the deployed template", body, limits)
	if err != nil {
		return &Template{}
	}
	t := &Template{source: source, root: root}
	t.readResources(document.NewReport(source))
	return t
}
