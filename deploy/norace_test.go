//go:build !race

package deploy

import "testing"

// exempt skips a test under the race detector, where it says why.
func exempt(testing.TB) {}
