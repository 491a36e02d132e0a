package pages

import (
	"io"
	"strings"
	"testing"

	"perch"
	"perch/readapi"
)

func TestEveryPageIsWritten(t *testing.T) {
	var b strings.Builder
	e := readapi.Environment{Branch: "x", Status: "CREATE_COMPLETE"}
	f := Frame{Project: "shop"}
	for _, err := range []error{
		Overview(&b, f, Query{Tab: TabAll}, readapi.Overview{List: readapi.List{Environments: []readapi.Environment{e}}}),
		Overview(io.Discard, f, Query{Tab: TabAttention}, readapi.Overview{Held: &readapi.HeldCleanup{}}),
		Environment(&b, f, readapi.Page{Status: readapi.Status{Environment: e, Leftovers: []perch.Leftover{{}}}, Log: &perch.LogLines{}, Timeline: []perch.TimelineEntry{{}}}, nil),
		Removed(&b, f, Query{}, readapi.History{Lives: []perch.Life{{}}}), Life(&b, f, perch.Life{}),
		Confirm(&b, f, readapi.Page{}), WriteMessage(&b, f, Message{}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}
