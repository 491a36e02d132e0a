package perch

import "testing"

func TestArchitectureOfAnInstanceType(t *testing.T) {
	for instanceType, want := range map[string]string{
		"t3.small": "amd64", "t3a.small": "amd64", "m7i-flex.large": "amd64", "g4dn.xlarge": "amd64",
		"g5.xlarge": "amd64", "p4d.24xlarge": "amd64", "inf2.xlarge": "amd64", "u-6tb1.metal": "amd64",
		"x2gd.medium": "arm64", "t4g.small": "arm64", "m7gd.large": "arm64", "c6gn.large": "arm64",
		"im4gn.large": "arm64", "is4gen.large": "arm64", "g5g.xlarge": "arm64", "a1.medium": "arm64",
		"r8gd.large": "arm64", "x8g.medium": "arm64",
	} {
		if got := ArchitectureOf(instanceType); got != want {
			t.Errorf("%s has %s, want %s", instanceType, got, want)
		}
	}
}
