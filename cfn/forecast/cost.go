package forecast

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"perch"
)

// Cost returns the daily cost of an environment with this template in region, with the smallest
// number of instances that its group allows. What the table has no price for is named in Missing
// and not counted. LeftOut names what is charged by use.
func Cost(wanted Version, region string) (perch.CostEstimate, error) {
	t, err := read(wanted)
	if err != nil {
		return perch.CostEstimate{}, err
	}
	table, known := prices[region]
	b := bill{region: region, known: known, table: table, unknown: map[string][]string{}, estimate: perch.CostEstimate{
		Region: region, Date: PricesDate, Items: []perch.CostItem{}, Missing: []string{}, LeftOut: []string{},
	}}
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		b.resource(id, t.resources[id])
	}
	for kind, ids := range b.unknown {
		b.miss("%s (%s)", kind, strings.Join(ids, ", "))
	}
	for _, item := range b.estimate.Items {
		b.estimate.USDPerDay += item.USDPerDay
	}
	b.estimate.USDPerDay = cents(b.estimate.USDPerDay)
	slices.Sort(b.estimate.Missing)
	slices.Sort(b.estimate.LeftOut)
	return b.estimate, nil
}

type bill struct {
	region   string
	known    bool
	table    regionPrices
	estimate perch.CostEstimate
	// unknown are the resources whose types are unknown, by type.
	unknown map[string][]string
}

func (b *bill) resource(id string, r resource) {
	switch r.kind {
	case "AWS::ElasticBeanstalk::Environment":
		b.beanstalk(id, r)
	case "AWS::EC2::Instance":
		kind := text(r.properties["InstanceType"])
		b.hourly(id, kind, 1, b.table.instances[kind], given(kind, "the instance type that "+id+" will have"))
		b.leaveOut("volumes and addresses of instances")
	case "AWS::RDS::DBInstance":
		b.database(id, r)
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		b.balancer(id, len(list(r.properties["Subnets"])))
	case "AWS::SecretsManager::Secret":
		b.monthly(id, "a secret", 1, secret, true)
	default:
		if use, ok := byUse[r.kind]; ok {
			b.leaveOut(use)
		} else if !free[r.kind] {
			b.unknown[r.kind] = append(b.unknown[r.kind], id)
		}
	}
}

// beanstalk counts the instances with their public addresses, and a dedicated load balancer.
func (b *bill) beanstalk(id string, r resource) {
	option := options(r)
	count := 1
	if option["aws:elasticbeanstalk:environment EnvironmentType"] != "SingleInstance" {
		count = max(number(option["aws:autoscaling:asg MinSize"]), 1)
	}
	kind, _, _ := strings.Cut(option["aws:ec2:instances InstanceTypes"], ",")
	b.hourly(
		id, times(count, kind), float64(count), b.table.instances[kind],
		given(kind, "the instance type that "+id+" will have"),
	)
	if option["aws:ec2:vpc AssociatePublicIpAddress"] == "true" {
		b.addresses(id, count)
	}
	if balanced := option["aws:elasticbeanstalk:environment EnvironmentType"] == "LoadBalanced"; balanced &&
		option["aws:elasticbeanstalk:environment LoadBalancerIsShared"] != "true" {
		subnets := option["aws:ec2:vpc ELBSubnets"]
		if subnets == "" {
			subnets = option["aws:ec2:vpc Subnets"]
		}
		b.balancer(id, len(strings.Split(subnets, ",")))
	}
	b.leaveOut("root volumes of instances")
	b.leaveOut("logs")
	b.leaveOut("traffic")
}

// balancer counts a dedicated load balancer, which has an address in each of its subnets.
func (b *bill) balancer(id string, subnets int) {
	b.hourly(id, "a load balancer", 1, b.table.balancer, "a load balancer")
	b.addresses(id, max(subnets, 1))
	b.leaveOut("load balancer capacity units")
}

func (b *bill) addresses(id string, count int) {
	b.add(id, times(count, "public IPv4 address"), float64(count)*24*publicIPv4)
}

// database counts the instance and its storage, both twice if there is a standby.
func (b *bill) database(id string, r resource) {
	class, engine, storage := text(
		r.properties["DBInstanceClass"],
	), text(r.properties["Engine"]), text(r.properties["StorageType"])
	count := 1
	if text(r.properties["MultiAZ"]) == "true" {
		count = 2
	}
	if engine != "postgres" && engine != "" {
		b.miss("%s of engine %s", given(class, id), engine)
		return
	}
	b.hourly(
		id, times(count, class), float64(count), b.table.databases[class],
		given(class, "the instance class that "+id+" will have"),
	)
	gigabytes := number(text(r.properties["AllocatedStorage"]))
	switch {
	case gigabytes == 0:
		b.miss("the storage of %s: the template does not say how much", id)
	case storage != "gp3":
		b.miss("%d GiB of storage of type %s", gigabytes, given(storage, "AWS's default"))
	default:
		b.monthly(
			id, times(count, fmt.Sprintf("%d GiB gp3", gigabytes)), float64(count*gigabytes), b.table.databaseStorage,
			b.known,
		)
	}
	b.leaveOut("database backups beyond the database's size")
}

// given returns what the template says. If the template says nothing, or if the value is known only
// later, it returns otherwise.
func given(said, otherwise string) string {
	if said == "" {
		return otherwise
	}
	return said
}

func (b *bill) hourly(id, what string, count, price float64, name string) {
	if price == 0 {
		b.miss("%s", name)
		return
	}
	b.add(id, what, count*24*price)
}

func (b *bill) monthly(id, what string, count, price float64, known bool) {
	if !known {
		b.miss("%s", what)
		return
	}
	b.add(id, what, count*price*24/hoursPerMonth)
}

func (b *bill) add(id, what string, usd float64) {
	b.estimate.Items = append(b.estimate.Items, perch.CostItem{LogicalID: id, What: what, USDPerDay: cents(usd)})
}

func (b *bill) miss(format string, args ...any) {
	sentence := fmt.Sprintf("no price for "+format+" in %s", append(args, b.region)...)
	if !slices.Contains(b.estimate.Missing, sentence) {
		b.estimate.Missing = append(b.estimate.Missing, sentence)
	}
}

func (b *bill) leaveOut(use string) {
	if !slices.Contains(b.estimate.LeftOut, use) {
		b.estimate.LeftOut = append(b.estimate.LeftOut, use)
	}
}

// options returns the option settings of a Beanstalk environment, by namespace and name. A value
// that only AWS knows is empty.
func options(r resource) map[string]string {
	found := map[string]string{}
	for _, entry := range list(r.properties["OptionSettings"]) {
		o := object(entry)
		found[text(o["Namespace"])+" "+text(o["OptionName"])] = text(o["Value"])
	}
	return found
}

func list(value any) []any {
	items, _ := value.([]any)
	return items
}

// text returns a scalar as text; empty for anything else.
func text(value any) string {
	written, _ := plain(value).(string)
	return written
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // A value that is not a number counts as unknown.
	return n
}

func times(count int, what string) string {
	if count == 1 {
		return what
	}
	return fmt.Sprintf("%d x %s", count, what)
}

// cents rounds to a hundredth of a cent, so that sums show no rounding errors of floating-point
// numbers.
func cents(usd float64) float64 { return math.Round(usd*1e4) / 1e4 }
