package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"golang.org/x/sync/errgroup"

	"perch"
	"perch/activities/awserr"
)

const (
	// tailPatience is how long all calls for a tail together may take. A person waits for them.
	tailPatience = 15 * time.Second
	// groupsAtOnce is how many log groups are read concurrently.
	groupsAtOnce = 4
)

// Tail returns the last n lines of all logs of the environment since a time, oldest first. It reads
// the log groups to which the environment streams its logs or, if there are none, the log of the
// app's containers on one of its instances. If there are no lines, the result has a sentence that
// says why.
func (r *Reader) Tail(ctx context.Context, environment perch.Environment, since time.Time, n int) perch.LogLines {
	ctx, cancel := context.WithTimeout(ctx, tailPatience)
	defer cancel()
	prefix := "/aws/elasticbeanstalk/" + environment.BeanstalkName() + "/"
	groups, err := r.groups(ctx, prefix)
	if err != nil {
		return perch.LogLines{Problem: problem(err, prefix+"*")}
	}
	if len(groups) == 0 {
		return r.containerTail(ctx, environment, since, n)
	}
	lines, failed := r.merge(ctx, prefix, groups, since, n)
	if len(lines) > 0 || failed != "" {
		return masked(perch.LogLines{Source: strings.TrimSuffix(prefix, "/"), Lines: lines, Problem: failed})
	}
	return perch.LogLines{Problem: fmt.Sprintf(
		"environment %s has logged nothing since %s", environment.BeanstalkName(), since.UTC().Format(time.RFC3339),
	)}
}

// groups lists the names of the log groups that begin with prefix.
func (r *Reader) groups(ctx context.Context, prefix string) (names []string, err error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(
		r.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &prefix},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, group := range page.LogGroups {
			names = append(names, aws.ToString(group.LogGroupName))
		}
	}
	return names, nil
}

// merge reads the last n lines of several log groups, in order. failed says why a group could not
// be read. A group that was deleted after it was listed has no lines.
func (r *Reader) merge(
	ctx context.Context, prefix string, groups []string, since time.Time, n int,
) (lines []perch.LogLine, failed string) {
	found, problems := make([][]perch.LogLine, len(groups)), make([]string, len(groups))
	var reading errgroup.Group
	reading.SetLimit(groupsAtOnce)
	for i, group := range groups {
		reading.Go(func() error {
			events, err := r.last(ctx, group, since, n)
			var missing *types.ResourceNotFoundException
			if err != nil && !errors.As(err, &missing) {
				problems[i] = problem(err, group)
			}
			found[i] = linesOf(events, "/"+strings.TrimPrefix(group, prefix))
			return nil
		})
	}
	_ = reading.Wait() // problems has the failures.
	for i := range groups {
		lines = append(lines, found[i]...)
		if failed == "" {
			failed = problems[i]
		}
	}
	return newest(lines, n), failed
}

// newest returns the last n lines by time. Lines with the same time keep their order.
func newest(lines []perch.LogLine, n int) []perch.LogLine {
	slices.SortStableFunc(lines, func(x, y perch.LogLine) int { return x.At.Compare(y.At) })
	return lines[max(len(lines)-n, 0):]
}

// unreadable returns a result that says why an instance could not be asked.
func unreadable(err error, tried string, args ...any) perch.LogLines {
	what := fmt.Sprintf(tried, args...)
	if awserr.Denied(err) {
		return perch.LogLines{
			Problem: fmt.Sprintf("%s: the worker's role lacks %s; give it this permission", what, awserr.Action(err)),
		}
	}
	return perch.LogLines{Problem: what + ": " + awserr.Sentence(err)}
}
