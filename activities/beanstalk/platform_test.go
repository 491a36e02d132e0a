package beanstalk

import "testing"

func TestThePlatformIsTheNewestByNumberAndNotByText(t *testing.T) {
	names := []string{
		"64bit Amazon Linux 2023 v4.9.0 running Docker", "64bit Amazon Linux 2023 v4.10.1 running Docker",
		"64bit Amazon Linux 2023 v4.10.0 running Docker",
		"64bit Amazon Linux 2 v5.0.0 running Docker", "64bit Amazon Linux 2023 v9.0.0 running ECS",
		"64bit Amazon Linux 2023 v4.10 running Docker",
	}
	if got, found := newestPlatform(names); !found || got != names[1] {
		t.Errorf("got %q, %v", got, found)
	}
	if got, found := newestPlatform(names[3:]); found {
		t.Errorf("got %q", got)
	}
}
