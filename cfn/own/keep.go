package own

import (
	"encoding/json"
	"fmt"

	"perch/cfn"
)

// Kept is a resource that stays, or leaves a snapshot, when its stack is deleted, because the template says so.
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
		return fmt.Sprintf("%s (%s) has no DeletionPolicy, which for a database means Snapshot: %s", k.ID, k.Type, stays)
	}
	return fmt.Sprintf("%s (%s) has DeletionPolicy %s: %s", k.ID, k.Type, k.Policy, stays)
}

// Left reports whether a deletion that has come to the resource, and has brought it to status, has left something of it.
func (k Kept) Left(status string) bool {
	return k.Policy == "Retain" && status == "DELETE_SKIPPED" || k.Policy == "Snapshot" && status == "DELETE_COMPLETE"
}

// keep is what deletion leaves of a resource of kind with a DeletionPolicy; empty for nothing. RetainExceptOnCreate differs from Retain only
// while the stack is made. The defaults for databases: AWS docs, DeletionPolicy attribute.
func keep(kind, policy string, inCluster bool) (string, bool) {
	switch {
	case kind == "AWS::Route53::RecordSet":
		return "", false // A name that leads nowhere can be taken over: that one stayed is a failure, whoever wanted it.
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

// KeptBy reads the same from a deployed template, by logical id. Only what Render wrote has any: what Perch's own templates leave behind is a
// leftover.
func KeptBy(body []byte) map[string]Kept {
	var document struct {
		Resources map[string]struct {
			Type           string
			DeletionPolicy string
			Properties     map[string]any
		}
		Outputs map[string]any
	}
	kept := map[string]Kept{}
	if json.Unmarshal(body, &document) != nil || document.Outputs[cfn.OutputOwnURL] == nil {
		return kept
	}
	for id, r := range document.Resources {
		_, inCluster := r.Properties["DBClusterIdentifier"]
		if policy, unsaid := keep(r.Type, r.DeletionPolicy, inCluster); policy != "" {
			kept[id] = Kept{id, r.Type, policy, unsaid}
		}
	}
	return kept
}

// DeletesLogs reads from a deployed template which Beanstalk environments delete their log groups when they are
// terminated, by logical id.
func DeletesLogs(body []byte) map[string]bool {
	var document struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				OptionSettings []struct {
					OptionName string
					Value      any
				}
			}
		}
	}
	deletes := map[string]bool{}
	if json.Unmarshal(body, &document) != nil {
		return deletes
	}
	for id, r := range document.Resources {
		for _, option := range r.Properties.OptionSettings {
			// The name is that of one option only: Beanstalk guide, "General options".
			if r.Type == "AWS::ElasticBeanstalk::Environment" && option.OptionName == "DeleteOnTerminate" &&
				option.Value == "true" {
				deletes[id] = true
			}
		}
	}
	return deletes
}
