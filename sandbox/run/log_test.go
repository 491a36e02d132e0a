package run

import (
	"encoding/json"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.temporal.io/api/enums/v1"

	"perch"
	"perch/sandbox/aws"
)

// card returns an environment's card.
func (b *bench) card(t *testing.T, slug string) (card perch.Card) {
	t.Helper()
	bucket := b.resource(t, b.project+"-application-staging", "Artifacts")
	out, err := b.storage().GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: &bucket, Key: sdk.String("cards/" + slug + ".json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if err := json.NewDecoder(out.Body).Decode(&card); err != nil {
		t.Fatal(err)
	}
	return card
}

func TestAFailedDeploymentsLogIsInTheCardAndNotInTemporal(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "talks", map[string]string{"a.txt": "1"})
	b.must(t, "up", "talks")
	b.order(t, aws.Fault{
		Stack: "shop-talks", Type: "AWS::ElasticBeanstalk::Environment", Phase: "update", When: aws.After,
		Reason: "password=hunter2", Count: 1,
	})
	b.repo.commit(t, "talks", map[string]string{"a.txt": "2"})
	b.failed(t, "up", "talks")
	log := b.card(t, "talks").Log
	if log == nil || log.Masked == 0 {
		t.Fatalf("the card has the log %+v", log)
	}
	var text strings.Builder
	for _, line := range log.Lines {
		text.WriteString(line.Text + "\n")
	}
	contains(t, text.String(), "app-1  | fatal: password=[masked]\n", "app-1 exited with code 1\n")

	history := b.connect(t).GetWorkflowHistory(
		t.Context(), "shop-talks", "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(event.String(), "exited with code 1") {
			t.Errorf("Temporal's history has a line of the log: %v", event)
		}
	}
}
