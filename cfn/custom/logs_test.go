package custom

import (
	"fmt"
	"testing"
)

func TestOnlyAnEnvironmentThatSaysSoDeletesItsLogs(t *testing.T) {
	const body = `{"Resources": {"Environment": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"OptionSettings": [
		{"Namespace": "aws:elasticbeanstalk:cloudwatch:logs", "OptionName": "DeleteOnTerminate", "Value": %q}]}}}}`
	for value, want := range map[string]bool{"true": true, "false": false} {
		if got := DeletesLogs(fmt.Appendf(nil, body, value))["Environment"]; got != want {
			t.Errorf("DeleteOnTerminate %s: %t", value, got)
		}
	}
	if got := DeletesLogs([]byte("Resources: {}")); len(got) != 0 {
		t.Errorf("no JSON: %v", got)
	}
}
