package custom

import (
	"fmt"
	"slices"
	"strings"

	"perch/document"
)

// maxFile is the size of the largest template that is read, in bytes. It is CloudFormation's limit
// (AWS docs: CloudFormation quotas).
const maxFile = 1 << 20

// limits limit the nesting, and the keys of one mapping. A stack has 500 resources at most.
var limits = document.Limits{Bytes: maxFile, Depth: 64, Column: 300, Keys: 2000, JSON: true, Tag: longForm}

// shortTags are CloudFormation's short forms. Those from Contains on are only for Rules.
var shortTags = []string{
	"And", "Base64", "Cidr", "Condition", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue",
	"Join", "Not", "Or", "Ref", "Select", "Split", "Sub",
	"Contains", "EachMemberEquals", "EachMemberIn", "RefAll", "ValueOf", "ValueOfAll",
}

// longForm converts a short tag (!Ref X) to its long form ({Ref: X}).
func longForm(at *document.Node, tag string, value *document.Node) (problem string) {
	name := strings.TrimPrefix(tag, "!")
	if name == "Transform" {
		return fmt.Sprintf("macros are not run: %s needs one", tag)
	}
	if !slices.Contains(shortTags, name) {
		return fmt.Sprintf("CloudFormation has no tag %s; allowed: !%s", tag, strings.Join(shortTags, ", !"))
	}
	long := "Fn::" + name
	switch {
	case name == "Ref" || name == "Condition":
		long = name
	case name == "GetAtt" && value.Shape == document.Scalar:
		logical, attribute, _ := strings.Cut(value.Text, ".")
		value = &document.Node{
			Shape: document.List, Line: value.Line, Column: value.Column,
			Items: []*document.Node{value.Like(logical), value.Like(attribute)},
		}
	}
	at.Shape, at.Entries = document.Mapping, []document.Entry{{Key: at.Like(long), Value: value}}
	return ""
}
