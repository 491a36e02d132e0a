package services

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
)

const mustBe = "Environment named shop-login is in an invalid state for this operation. Must be Ready."

func TestS170AnEnvironmentIsUpdatedAndTerminatedOnlyWhenReady(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.shop()
	_, r := a.create(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	handler := a.service.Handlers()[typeEnvironment]
	terminate := func() error {
		_, err := eb.NewFromConfig(a.aws).
			TerminateEnvironment(t.Context(), &eb.TerminateEnvironmentInput{EnvironmentName: aws.String("shop-login")})
		return err
	}
	changed := r
	changed.Properties = environmentProperties(balancer.ID)
	changed.Properties["Description"] = "changed"
	busy := func() {
		t.Helper()
		_, err := handler.Update(t.Context(), changed)
		wantError(t, err, mustBe)
		wantError(t, a.remove(r), mustBe)
		wantError(t, terminate(), mustBe)
	}
	busy()
	a.settle(r)
	if _, err := handler.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if _, err := handler.Update(t.Context(), changed); err != nil {
		t.Fatalf("the update in progress is repeated: %v", err)
	}
	changed.Properties = r.Properties
	busy()
	a.settle(r)
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
}

func TestBeanstalkEndsALaunchThatCloudFormationGaveUp(t *testing.T) {
	a := newAccount(t, Config{})
	r := request(typeEnvironment, "Environment", environmentProperties(a.shop().ID))
	r.Takes = 4 * time.Minute
	state, err := a.try(r)
	if err != nil {
		t.Fatal(err)
	}
	r.PhysicalID = state.ID
	a.now = a.now.Add(4*time.Minute - time.Second)
	wantError(t, a.remove(r), mustBe)
	a.now = a.now.Add(time.Second)
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
}
