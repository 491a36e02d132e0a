package services

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"perch/sandbox/aws/wire"
)

// address is an Elastic IP address. Beanstalk assigns one to every environment with a single
// instance (Beanstalk guide, "Environment types").
type address struct {
	id, instance string
	tags         map[string]string
}

// addresses returns the account's Elastic IP addresses, oldest first.
func (s *Service) addresses() []address {
	var all []address
	for _, env := range s.recordsOf(typeEnvironment) {
		if s.option(env, nsEnvironment, "EnvironmentType") == "SingleInstance" {
			for _, instance := range instances(env) {
				all = append(
					all, address{"eipalloc-" + digest(env.Hidden["EnvironmentId"])[:16], instance, beanstalkTags(env)},
				)
			}
		}
	}
	return all
}

// beanstalkTags returns the tags of the resources that Beanstalk creates for an environment: the
// environment's tags, and two that Beanstalk adds.
func beanstalkTags(env *record) map[string]string {
	return mergeTags(env.Tags, map[string]string{
		"elasticbeanstalk:environment-id": env.Hidden["EnvironmentId"], "elasticbeanstalk:environment-name": env.Name,
	})
}

// defaultAddresses is the initial quota of Elastic IP addresses of an account.
const defaultAddresses = 5

// addressQuota returns the account's quota of Elastic IP addresses.
func (s *Service) addressQuota() int { return cmp.Or(s.config.Addresses, defaultAddresses) }

// requireAddress returns an error if a new environment with a single instance would exceed the
// quota of Elastic IP addresses. On AWS, the launch fails with that error.
func (s *Service) requireAddress(rec *record) error {
	single := s.option(rec, nsEnvironment, "EnvironmentType") == "SingleInstance"
	if rec.ID != "" || !single || len(s.addresses()) < s.addressQuota() {
		return nil
	}
	return handlerError(
		beanstalk,
		http.StatusBadRequest,
		"GeneralServiceException",
		"Creating EIP failed Reason: The maximum number of "+
			"addresses has been reached. (Service: AmazonEC2; Status Code: 400; Error Code: AddressLimitExceeded)",
	)
}

// describeAccountAttributes supports only the quota of Elastic IP addresses.
func describeAccountAttributes(s *Service, f form) ([]wire.Node, error) {
	const name = "vpc-max-elastic-ips"
	var found []string
	if requested := f.list("AttributeName"); matchesFilter(requested, name) {
		found = append(found, name)
	}
	return []wire.Node{listNode("accountAttributeSet", "item", found, func(name string) []wire.Node {
		value := wire.N("item", wire.T("attributeValue", strconv.Itoa(s.addressQuota())))
		return []wire.Node{wire.T("attributeName", name), wire.N("attributeValueSet", value)}
	})}, nil
}

func describeAddresses(s *Service, f form) ([]wire.Node, error) {
	all, requested := s.addresses(), f.list("AllocationId")
	for _, id := range requested {
		if !slices.ContainsFunc(all, func(a address) bool { return a.id == id }) {
			return nil, wire.Errorf(
				http.StatusBadRequest,
				"InvalidAllocationID.NotFound",
				"The allocation ID '%s' does not exist",
				id,
			)
		}
	}
	all = slices.DeleteFunc(all, func(a address) bool { return !matchesFilter(requested, a.id) })
	return []wire.Node{listNode("addressesSet", "item", all, func(a address) []wire.Node {
		return []wire.Node{wire.T("allocationId", a.id), wire.T("publicIp", loopback), wire.T("domain", "vpc"),
			wire.T("instanceId", a.instance), tagSet(a.tags)}
	})}, nil
}

// describeInstances lists the instances of environments. A terminated environment has none.
func describeInstances(s *Service, f form) ([]wire.Node, error) {
	requested := f.list("InstanceId")
	for _, id := range requested {
		if s.environmentOf(id) == nil {
			return nil, wire.Errorf(
				http.StatusBadRequest,
				"InvalidInstanceID.NotFound",
				"The instance ID '%s' does not exist",
				id,
			)
		}
	}
	var reservations []wire.Node
	for _, env := range s.recordsOf(typeEnvironment) {
		other := func(id string) bool { return !matchesFilter(requested, id) }
		ids := slices.DeleteFunc(slices.Clone(instances(env)), other)
		if len(ids) == 0 {
			continue
		}
		items := listNode("instancesSet", "item", ids, func(id string) []wire.Node {
			return []wire.Node{
				wire.T("instanceId", id),
				wire.N("instanceState", wire.T("code", "16"), wire.T("name", "running")),
				tagSet(beanstalkTags(env)),
			}
		})
		reservations = append(reservations, wire.N("item", wire.T("ownerId", s.config.Account), items))
	}
	return []wire.Node{wire.N("reservationSet", reservations...)}, nil
}

func tagSet(tags map[string]string) wire.Node {
	return listNode("tagSet", "item", sortedTags(tags), func(tag [2]string) []wire.Node {
		return []wire.Node{wire.T("key", tag[0]), wire.T("value", tag[1])}
	})
}
