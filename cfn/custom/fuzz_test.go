package custom

import (
	"errors"
	"testing"

	"perch/cfn"
	"perch/document"
)

// FuzzRead looks for input that breaks the reader. For any input, the result must be a template or
// a problem that names the file.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		small, `{"Resources": {"A": {"Type": "T"}}}`,
		"Resources: {A: {Type: T, Properties: {X: !Sub [a, {b: !Ref A}]}}}", "- a", "!Ref", "a: !GetAtt\nb: 1",
		"Resources: {A: {Type: T, Properties: {Fn::GetAtt: []}}, B: {Fn::If: [x]}}", "{\"a\": [}",
		"Outputs: 1\nParameters: []\nResources: x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		template, err := Read("template.yaml", data)
		var one *document.Problem
		var many document.Problems
		switch {
		case err == nil:
			in := cfn.EnvironmentInput{Origin: nil}
			_, _ = template.Render(in)
			_ = template.Admit(in)
			_ = template.Kept()
		case !errors.As(err, &one) && !errors.As(err, &many):
			t.Errorf("error = %v, which names no place", err)
		}
	})
}
