package services

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
)

const notReadyMessage = "Environment named shop-login is in an invalid state for this operation. Must be Ready."

func TestS170AnEnvironmentIsUpdatedAndTerminatedOnlyWhenReady(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
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
		wantError(t, err, notReadyMessage)
		wantError(t, a.remove(r), notReadyMessage)
		wantError(t, terminate(), notReadyMessage)
	}
	busy()
	a.settle(r)
	if _, err := handler.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if _, err := handler.Update(t.Context(), changed); err != nil {
		t.Fatalf("repeat the update in progress: %v", err)
	}
	changed.Properties = r.Properties
	busy()
	a.settle(r)
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
}

func TestALaunchEndsAfterCloudFormationStopsWaiting(t *testing.T) {
	a := newAccount(t, Config{})
	r := request(typeEnvironment, "Environment", environmentProperties(a.createShop().ID))
	r.Takes = 4 * time.Minute
	state, err := a.tryCreate(r)
	if err != nil {
		t.Fatal(err)
	}
	r.PhysicalID = state.ID
	a.now = a.now.Add(4*time.Minute - time.Second)
	wantError(t, a.remove(r), notReadyMessage)
	a.now = a.now.Add(time.Second)
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
}
