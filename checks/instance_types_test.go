package checks

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestInstanceTypesAreThoseOfTheSDK holds the list of EC2 instance types, which the commands carry
// without the SDK.
func TestInstanceTypesAreThoseOfTheSDK(t *testing.T) {
	sizes := map[string][]string{}
	var families []string
	for _, name := range types.InstanceType("").Values() {
		family, size, _ := strings.Cut(string(name), ".")
		if sizes[family] == nil {
			families = append(families, family)
		}
		sizes[family] = append(sizes[family], size)
	}
	slices.Sort(families)
	var want strings.Builder
	for _, family := range families {
		want.WriteString(family + " " + strings.Join(sizes[family], " ") + "\n")
	}
	file := filepath.Join("cfn", "spec", "instance-types.txt")
	if *update {
		if err := os.WriteFile(file, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Error("cfn/spec/instance-types.txt is not what the AWS SDK has; write it with `go test ./checks -run " +
			"InstanceTypes -update`")
	}
}
