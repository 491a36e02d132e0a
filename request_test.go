package perch

import "testing"

func TestWhoseRunAnswersARequest(t *testing.T) {
	up := func(commit string) Request { return Request{Goal: GoalUp, Commit: commit} }
	recreate := func(commit string) Request { return Request{Goal: GoalUp, Commit: commit, Recreate: true} }
	gone := Request{Goal: GoalGone}
	judged := func(stack string) Request { return Request{Goal: GoalGone, Judged: &Judgement{StackID: stack}} }
	for name, c := range map[string]struct {
		request, target Request
		want            bool
	}{
		"the same commit":                               {up("1"), up("1"), true},
		"another commit":                                {up("1"), up("2"), false},
		"another goal":                                  {up(""), gone, false},
		"a recreation by a plain up":                    {recreate("1"), up("1"), false},
		"a plain up by a recreation":                    {up("1"), recreate("1"), true},
		"two recreations":                               {recreate("1"), recreate("1"), true},
		"two removals by hand":                          {gone, gone, true},
		"cleanup's by one by hand":                      {judged("a"), gone, true},
		"one by hand by cleanup's, which may keep it":   {gone, judged("a"), false},
		"cleanup's by cleanup's for the same stack":     {judged("a"), judged("a"), true},
		"cleanup's by cleanup's for an earlier stack":   {judged("b"), judged("a"), false},
		"a push by cleanup's removal":                   {up("1"), judged("a"), false},
		"cleanup's by a push that came after it judged": {judged("a"), up(""), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.request.AnsweredBy(c.target); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
