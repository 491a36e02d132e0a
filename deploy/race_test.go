//go:build race

package deploy

import "testing"

// exempt skips what runs programs as processes: they are built without the race detector, which would see nothing, and the sandbox's tests run
// the same code with it.
func exempt(t testing.TB) {
	t.Helper()
	t.Skip("it runs programs that the race detector does not see into")
}
