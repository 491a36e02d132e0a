package beanstalk

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"

	"perch"
	"perch/activities/awserr"
)

var dockerPlatform = regexp.MustCompile(`^64bit Amazon Linux 2023 v(\d+)\.(\d+)\.(\d+) running Docker$`)

// NewestPlatform returns the ARN of the newest Docker platform.
func (c *Client) NewestPlatform(ctx context.Context) (string, error) {
	all, err := c.platforms.Get(ctx)
	if err != nil {
		return "", err
	}
	newest, found := newestPlatform(all)
	if !found {
		return "", awserr.Final(
			perch.ErrorInvalid,
			"Beanstalk offers no Docker platform on Amazon Linux 2023 in region %s",
			c.policy.Region,
		)
	}
	return platformARN(c.policy.Region, newest), nil
}

func (c *Client) solutionStacks(ctx context.Context) ([]string, error) {
	out, err := c.beanstalk.ListAvailableSolutionStacks(ctx, &elasticbeanstalk.ListAvailableSolutionStacksInput{})
	if err != nil {
		return nil, awserr.Wrap(err, "list Beanstalk platforms")
	}
	return out.SolutionStacks, nil
}

// platformARN returns the ARN of the Docker platform version that a solution stack uses. AWS owns
// the platforms, so the ARN has no account (AWS docs: Elastic Beanstalk platforms, platform version
// ARN).
func platformARN(region, solutionStack string) string {
	version := strings.Join(dockerPlatform.FindStringSubmatch(solutionStack)[1:], ".")
	return "arn:" + partitionOf(
		region,
	) + ":elasticbeanstalk:" + region + "::platform/Docker running on 64bit Amazon Linux 2023/" + version
}

func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func newestPlatform(names []string) (newest string, found bool) {
	var best [3]int
	for _, name := range names {
		match := dockerPlatform.FindStringSubmatch(name)
		if match == nil {
			continue
		}
		var version [3]int
		for i := range version {
			version[i], _ = strconv.Atoi(match[i+1]) // The pattern matches only digits.
		}
		if !found || later(version, best) {
			newest, best, found = name, version, true
		}
	}
	return newest, found
}

func later(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return false
}
