package activities

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"perch"
	"perch/activities/awserr"
)

const (
	// sharedBalancer is the `load_balancer` of environments that share the application's load
	// balancer. Beanstalk gives each a rule on the HTTPS listener.
	sharedBalancer = "shared"
	// ruleQuota is how many rules a load balancer has at most, without its default rules (ELB guide, "Quotas for your
	// Application Load Balancers").
	ruleQuota = 100
	// httpPort is the port of the listener that redirects to HTTPS.
	httpPort = 80
)

// ruleUse is how many rules the shared load balancer has, and how many each environment takes.
type ruleUse struct{ taken, each int }

func (u ruleUse) full() bool { return u.taken+u.each > ruleQuota }

func (u ruleUse) String() string {
	return fmt.Sprintf(
		"%d of %d rules of the shared load balancer are taken, and each environment takes %d",
		u.taken,
		ruleQuota,
		u.each,
	)
}

// ruleUse counts the rules on all listeners. Beanstalk's guide contradicts itself on whether an environment also gets a
// rule on an HTTP listener that is there, so the load balancer decides: one that has any has one for each environment.
func (l *lookUps) ruleUse(ctx context.Context, balancer string) (ruleUse, error) {
	use := ruleUse{each: 1}
	listeners := elasticloadbalancingv2.NewDescribeListenersPaginator(
		l.balancing,
		&elasticloadbalancingv2.DescribeListenersInput{
			LoadBalancerArn: &balancer,
		},
	)
	for listeners.HasMorePages() {
		page, err := listeners.NextPage(ctx)
		if err != nil {
			return use, awserr.Wrap(err, "list the listeners of load balancer %s", balancer)
		}
		for _, listener := range page.Listeners {
			rules, err := l.rules(ctx, listener.ListenerArn)
			if err != nil {
				return use, err
			}
			use.taken += rules
			if aws.ToInt32(listener.Port) == httpPort && rules > 0 {
				use.each = 2
			}
		}
	}
	return use, nil
}

// rules counts a listener's rules without its default one.
func (l *lookUps) rules(ctx context.Context, listener *string) (count int, err error) {
	in := &elasticloadbalancingv2.DescribeRulesInput{ListenerArn: listener}
	pages := elasticloadbalancingv2.NewDescribeRulesPaginator(l.balancing, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, awserr.Wrap(err, "list the rules of listener %s", aws.ToString(listener))
		}
		for _, rule := range page.Rules {
			if !aws.ToBool(rule.IsDefault) {
				count++
			}
		}
	}
	return count, nil
}

// requireRule rejects a new environment if the shared load balancer has no rule left for it:
// Beanstalk would fail minutes later. If the load balancer cannot be asked, that decides.
func (r *Requests) requireRule(ctx context.Context, made rendering) error {
	balancer := made.application.LoadBalancerArn
	if made.exists || made.own() || made.settings.LoadBalancer != sharedBalancer || balancer == "" {
		return nil
	}
	use, err := r.lookUps.ruleUse(ctx, balancer)
	if err == nil && use.full() {
		return awserr.Final(
			perch.ErrorInvalid,
			"%s; remove an environment with `perch down BRANCH`, or use `load_balancer: own`, then try again",
			use,
		)
	}
	return nil
}
