package services

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

// rule is one rule in the result of DescribeRules.
type rule struct {
	ARN, Priority string
	Conditions    []properties
	Actions       []properties
}

func describeRules(s *Service, f form) ([]wire.Node, error) {
	listener := s.findByID(typeListener, f.Get("ListenerArn"))
	arns := f.list("RuleArns")
	if listener == nil && len(arns) == 0 {
		return nil, wire.Errorf(http.StatusBadRequest, "ListenerNotFound", "One or more listeners not found")
	}
	var found []rule
	for _, each := range s.recordsOf(typeListener) {
		if listener == nil || each == listener {
			found = append(found, s.rules(each)...)
		}
	}
	found = slices.DeleteFunc(found, func(r rule) bool { return !matchesFilter(arns, r.ARN) })
	page, next := paged(found, f.Get("Marker"), f.Get("PageSize"), 400)
	nodes := listNode("Rules", "member", page, ruleNodes)
	return append([]wire.Node{nodes}, omitEmpty(wire.T("NextMarker", next))...), nil
}

// rules returns a listener's rules by priority, the default rule last. It returns the rules in
// templates, and those that Elastic Beanstalk adds to a shared load balancer for its environments.
func (s *Service) rules(listener *record) []rule {
	var rules []rule
	for _, rec := range s.recordsOf(typeRule) {
		if rec.Scope == listener.ARN {
			rules = append(rules, rule{
				rec.ARN, rec.Properties.text("Priority"), rec.Properties.children("Conditions"),
				rec.Properties.children("Actions"),
			})
		}
	}
	base := strings.Replace(listener.ARN, ":listener/", ":listener-rule/", 1) + "/"
	for _, env := range s.recordsOf(typeEnvironment) {
		rules = append(rules, s.environmentRules(env, listener, base)...)
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return parseInt(a.Priority) - parseInt(b.Priority) })
	// Two environments may have the same priority in their options. Elastic Beanstalk then uses the
	// next free one for the later environment.
	for i := 1; i < len(rules); i++ {
		if before := parseInt(rules[i-1].Priority); parseInt(rules[i].Priority) <= before {
			rules[i].Priority = strconv.Itoa(before + 1)
		}
	}
	return append(rules, rule{
		ARN: base + digest("default"), Priority: "default", Actions: listener.Properties.children("DefaultActions"),
	})
}

// environmentRules returns the rules that an environment's options add to a listener of its shared
// load balancer.
func (s *Service) environmentRules(env, listener *record, base string) []rule {
	settings := s.settings(env)
	balancer := s.findByReference(typeLoadBalancer, settings.value(nsBalancer, "SharedLoadBalancer"))
	if balancer == nil || balancer.ARN != listener.Scope {
		return nil
	}
	port := listener.Properties.text("Port")
	names := splitList(settings.value("aws:elbv2:listener:"+port, "Rules"))
	if len(names) == 0 && port == "80" && s.config.RulesOnHTTP {
		names = []string{"default"}
	}
	var rules []rule
	for _, name := range names {
		var conditions []properties
		for _, field := range [][2]string{{"host-header", "HostHeaders"}, {"path-pattern", "PathPatterns"}} {
			values := splitList(settings.value(nsRule+name, field[1]))
			if cname := env.Hidden["CNAME"]; field[0] == "host-header" && len(values) > 0 && cname != "" {
				// Beanstalk adds this host (hashicorp/terraform-provider-aws, pull request 15755).
				values = append(values, cname)
			}
			if len(values) > 0 {
				conditions = append(conditions, properties{"Field": field[0], "Values": toAny(values)})
			}
		}
		priority := settings.value(nsRule+name, "Priority")
		if priority == "" {
			priority = "1"
		}
		rules = append(rules, rule{
			base + digest(env.Hidden["EnvironmentId"]+name), priority, conditions, []properties{{"Type": "forward"}},
		})
	}
	return rules
}

// maxRules is the maximum number of rules of a load balancer, not counting the default rules.
const maxRules = 100

// requireRules returns an error if a new environment would exceed the maximum number of rules of
// its shared load balancer. On AWS, the launch fails with that error.
func (s *Service) requireRules(rec *record) error {
	balancer := s.findByReference(typeLoadBalancer, s.option(rec, nsBalancer, "SharedLoadBalancer"))
	if rec.ID != "" || balancer == nil {
		return nil
	}
	count := 0
	for _, listener := range s.recordsOf(typeListener) {
		if listener.Scope == balancer.ARN {
			count += len(s.rules(listener)) - 1 + len(s.environmentRules(rec, listener, ""))
		}
	}
	if count <= maxRules {
		return nil
	}
	return handlerError(
		beanstalk,
		http.StatusBadRequest,
		"GeneralServiceException",
		"Creating load balancer listener rule failed Reason: The maximum "+
			"number of rules has been reached. (Service: ElasticLoadBalancingV2; Status Code: 400; Error Code: "+
			"TooManyRules)",
	)
}

func ruleNodes(r rule) []wire.Node {
	return []wire.Node{wire.T("RuleArn", r.ARN), wire.T("Priority", r.Priority),
		listNode("Conditions", "member", r.Conditions, func(c properties) []wire.Node {
			values := c.texts("Values")
			for _, config := range []string{"HostHeaderConfig", "PathPatternConfig"} {
				values = append(values, c.child(config).texts("Values")...)
			}
			return []wire.Node{wire.T("Field", c.text("Field")), textNodes("Values", "member", values)}
		}),
		listNode("Actions", "member", r.Actions, actionNodes),
		wire.T("IsDefault", strconv.FormatBool(r.Priority == "default"))}
}

// splitList splits a comma-separated list. It trims the items and leaves out empty ones.
func splitList(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func toAny(values []string) []any {
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return list
}

func parseInt(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// digest returns 16 hexadecimal digits that depend only on text. They end the ids and ARNs of
// resources that have no record.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
