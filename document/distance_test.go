package document

import "testing"

func TestDistanceCountsLetters(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{
		"", "", 0,
	}, {"", "abc", 3}, {"same", "same", 0}, {"t3.samll", "t3.small", 2}, {"clas", "class", 1}, {"form", "from", 2}} {
		if got := Distance(c.a, c.b); got != c.want || Distance(c.b, c.a) != c.want {
			t.Errorf("between %q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
