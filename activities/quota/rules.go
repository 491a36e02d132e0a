package quota

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"perch/activities/awserr"
	"perch/activities/share"
)

const (
	// ruleQuota is how many rules a load balancer may have, not counting its default rules (ELB
	// guide, "Quotas for your Application Load Balancers").
	ruleQuota = 100
	// httpPort is the port of the listener that redirects to HTTPS.
	httpPort = 80
)

// RuleUse is how many rules the shared load balancer has, and how many each new environment needs.
type RuleUse struct{ Taken, Each int }

// Full reports whether no rules are left for another environment.
func (u RuleUse) Full() bool { return u.Taken+u.Each > ruleQuota }

func (u RuleUse) String() string {
	return fmt.Sprintf(
		"%d of %d rules of the shared load balancer are taken, and each environment takes %d",
		u.Taken,
		ruleQuota,
		u.Each,
	)
}

// Rules counts the rules of all listeners. Beanstalk's guide contradicts itself on whether an
// environment also gets a rule on an existing HTTP listener. So Rules looks at that listener: if it
// has rules, each environment needs one there, too. Callers at the same time share one count.
func (r *Reader) Rules(ctx context.Context, balancer string) (RuleUse, error) {
	r.mu.Lock()
	shared := r.rules[balancer]
	if shared == nil {
		shared = share.New(func(ctx context.Context) (RuleUse, error) { return r.countRules(ctx, balancer) })
		r.rules[balancer] = shared
	}
	r.mu.Unlock()
	return shared.Get(ctx)
}

func (r *Reader) countRules(ctx context.Context, balancer string) (RuleUse, error) {
	use := RuleUse{Each: 1}
	listeners := elasticloadbalancingv2.NewDescribeListenersPaginator(
		r.balancing,
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
			rules, err := r.listenerRules(ctx, listener.ListenerArn)
			if err != nil {
				return use, err
			}
			use.Taken += rules
			if aws.ToInt32(listener.Port) == httpPort && rules > 0 {
				use.Each = 2
			}
		}
	}
	return use, nil
}

// listenerRules counts a listener's rules without its default rule.
func (r *Reader) listenerRules(ctx context.Context, listener *string) (count int, err error) {
	in := &elasticloadbalancingv2.DescribeRulesInput{ListenerArn: listener}
	pages := elasticloadbalancingv2.NewDescribeRulesPaginator(r.balancing, in)
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
