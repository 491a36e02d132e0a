package services

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"perch/sandbox/aws/wire"
)

const (
	typeSecurityGroup = "AWS::EC2::SecurityGroup"
	typeIngress       = "AWS::EC2::SecurityGroupIngress"
	typeEgress        = "AWS::EC2::SecurityGroupEgress"

	network = "Ec2"

	ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
)

var networkKinds = map[string]kind{
	typeSecurityGroup: {
		service: network, nameProperty: "GroupName", prepare: prepareSecurityGroup, rejectDelete: rejectSecurityGroup,
	},
	typeIngress: {service: network, prepare: prepareGroupRule},
	typeEgress:  {service: network, prepare: prepareGroupRule},
}

// subnetVPC returns the VPC of a subnet; empty if the subnet does not exist.
func (s *Service) subnetVPC(subnet string) string {
	if slices.Contains(Subnets, subnet) {
		return VPC
	}
	if made := s.findByID(typeSubnet, subnet); made != nil {
		return made.Attributes["VpcId"]
	}
	return ""
}

// subnetZone returns the availability zone of a subnet: the one in its stack's template or, for a
// default subnet, the zone a, b or c.
func (s *Service) subnetZone(subnet string) string {
	if made := s.findByID(typeSubnet, subnet); made != nil {
		return made.Attributes["AvailabilityZone"]
	}
	if i := slices.Index(Subnets, subnet); i >= 0 {
		return s.config.Region + string(rune('a'+i))
	}
	return ""
}

func prepareSecurityGroup(s *Service, rec *record) error {
	vpc := rec.Properties.textOr("VpcId", VPC)
	if !s.vpcExists(vpc) {
		return invalidRequest(network, "The vpc ID '%s' does not exist", vpc)
	}
	rec.Scope = vpc
	for _, other := range s.recordsOf(typeSecurityGroup) {
		if other != rec && other.Scope == vpc && other.Name == rec.Name {
			return handlerError(
				network, http.StatusBadRequest, "AlreadyExists", "The security group '%s' already exists for VPC '%s'",
				rec.Name, vpc,
			)
		}
	}
	if rec.ID == "" {
		rec.ID = "sg-" + randomText(hexDigits, 17)
		rec.ARN = s.arn("ec2", "security-group/"+rec.ID)
		rec.Attributes["GroupId"], rec.Attributes["Id"], rec.Attributes["VpcId"] = rec.ID, rec.ID, vpc
	}
	return nil
}

// rejectSecurityGroup rejects the deletion of a group that another resource uses. It does so only
// when the deletion ends, because CloudFormation repeats the call to EC2 until then.
func rejectSecurityGroup(s *Service, rec *record, late bool) error {
	if late && s.groupInUse(rec) {
		return handlerError(
			network, http.StatusBadRequest, "GeneralServiceException", "resource %s has a dependent object", rec.ID,
		)
	}
	return nil
}

func (s *Service) groupInUse(rec *record) bool {
	for _, other := range s.state.Records {
		if other == rec || other.isDeleted() {
			continue
		}
		switch other.Type {
		case typeDatabase:
			if slices.Contains(other.Properties.texts("VPCSecurityGroups"), rec.ID) {
				return true
			}
		case typeInstance:
			if slices.Contains(other.Properties.texts("SecurityGroupIds"), rec.ID) {
				return true
			}
		case typeLoadBalancer, typeClassicBalancer, typeLaunch:
			if slices.Contains(other.Properties.texts("SecurityGroups"), rec.ID) {
				return true
			}
		case typeEnvironment:
			if s.environmentUses(other, rec.ID) {
				return true
			}
		case typeSecurityGroup, typeIngress, typeEgress:
			if strings.Contains(scalarText(map[string]any(other.Properties)), `"`+rec.ID+`"`) {
				return true
			}
		}
	}
	return false
}

func (s *Service) environmentUses(env *record, group string) bool {
	return slices.ContainsFunc(s.options(env), func(o option) bool {
		return (o.Name == "SecurityGroups" || o.Name == "ManagedSecurityGroup") &&
			slices.Contains(splitList(o.Value), group)
	})
}

func prepareGroupRule(s *Service, rec *record) error {
	group := rec.Properties.text("GroupId")
	if s.findByID(typeSecurityGroup, group) == nil {
		return invalidRequest(network, "The security group '%s' does not exist", group)
	}
	if rec.ID == "" {
		rec.ID = "sgr-" + randomText(hexDigits, 17)
		rec.Attributes["Id"] = rec.ID
	}
	return nil
}

// ec2Handler serves EC2's variant of the query protocol: names in lower camel case, <item> lists,
// and the request's id next to the result.
func (s *Service) ec2Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, name, err := readForm(r)
		if err != nil {
			writeEC2Error(w, err)
			return
		}
		call, ok := networkActions[name]
		if !ok {
			writeEC2Error(w, wire.Errorf(
				http.StatusBadRequest, "InvalidAction", "The action %s is not valid for this web service.", name,
			))
			return
		}
		result, failed := s.withLock(func() ([]wire.Node, error) { return call(s, f) })
		if failed != nil {
			writeEC2Error(w, s.wireError(failed))
			return
		}
		writeEC2(w, http.StatusOK, wire.N(
			name+"Response", append([]wire.Node{wire.T("requestId", uuid.NewString())}, result...)...,
		), ec2Namespace)
	})
}

func writeEC2(w http.ResponseWriter, status int, root wire.Node, namespace string) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(wire.XML(root, namespace))
}

func writeEC2Error(w http.ResponseWriter, err *wire.Error) {
	writeEC2(w, err.Status, wire.N("Response",
		wire.N("Errors", wire.N("Error", wire.T("Code", err.Code), wire.T("Message", err.Message))),
		wire.T("RequestID", uuid.NewString())), "")
}

var networkActions = map[string]action{
	"DescribeAccountAttributes": describeAccountAttributes,
	"DescribeAddresses":         describeAddresses,
	"DescribeInstances":         describeInstances,
	"DescribeSubnets":           describeSubnets,
	"DescribeSecurityGroups":    describeSecurityGroups,
	"DeleteSecurityGroup":       deleteSecurityGroup,
}

// matchesFilters reports whether a resource matches the filters of a request. values has the
// resource's value for each supported filter. It returns an error for any other filter.
func matchesFilters(f form, values map[string]string) (bool, error) {
	for i := 1; f.Get("Filter."+strconv.Itoa(i)+".Name") != ""; i++ {
		name := f.Get("Filter." + strconv.Itoa(i) + ".Name")
		value, ok := values[name]
		if !ok {
			return false, wire.Errorf(
				http.StatusBadRequest, "InvalidParameterValue", "The filter '%s' is invalid", name,
			)
		}
		if !slices.Contains(f.list("Filter."+strconv.Itoa(i)+".Value"), value) {
			return false, nil
		}
	}
	return true, nil
}

func describeSubnets(s *Service, f form) ([]wire.Node, error) {
	requested := f.list("SubnetId")
	for _, id := range requested {
		if s.subnetVPC(id) == "" {
			return nil, wire.Errorf(
				http.StatusBadRequest, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id,
			)
		}
	}
	all := slices.Clone(Subnets)
	for _, made := range s.recordsOf(typeSubnet) {
		all = append(all, made.ID)
	}
	var found []string
	for _, id := range all {
		matches, err := matchesFilters(f, map[string]string{
			"vpc-id": s.subnetVPC(id), "subnet-id": id,
			"default-for-az":    strconv.FormatBool(s.findByID(typeSubnet, id) == nil),
			"availability-zone": s.subnetZone(id), "state": "available",
		})
		if err != nil {
			return nil, err
		}
		if matches && matchesFilter(requested, id) {
			found = append(found, id)
		}
	}
	return []wire.Node{listNode("subnetSet", "item", found, s.subnetNodes)}, nil
}

func (s *Service) subnetNodes(id string) []wire.Node {
	block, public, byDefault := "172.31."+strconv.Itoa(16*slices.Index(Subnets, id))+".0/20", true, true
	if made := s.findByID(typeSubnet, id); made != nil {
		block, public, byDefault = made.Properties.text("CidrBlock"), made.Properties.flag("MapPublicIpOnLaunch"), false
	}
	return []wire.Node{
		wire.T(
			"subnetId",
			id,
		), wire.T("subnetArn", s.arn("ec2", "subnet/"+id)), wire.T("state", "available"),
		wire.T("vpcId", s.subnetVPC(id)),
		wire.T(
			"ownerId",
			s.config.Account,
		), wire.T("cidrBlock", block), wire.T("availableIpAddressCount", "4091"),
		wire.T("availabilityZone", s.subnetZone(id)),
		wire.T("defaultForAz", strconv.FormatBool(byDefault)),
		wire.T("mapPublicIpOnLaunch", strconv.FormatBool(public)),
	}
}

func describeSecurityGroups(s *Service, f form) ([]wire.Node, error) {
	requested := f.list("GroupId")
	for _, id := range requested {
		if s.findByID(typeSecurityGroup, id) == nil {
			return nil, wire.Errorf(
				http.StatusBadRequest, "InvalidGroup.NotFound", "The security group '%s' does not exist", id,
			)
		}
	}
	var found []*record
	for _, group := range s.recordsOf(typeSecurityGroup) {
		matches, err := matchesFilters(f, groupFilters(group))
		if err != nil {
			return nil, err
		}
		if matches && matchesFilter(requested, group.ID) {
			found = append(found, group)
		}
	}
	return []wire.Node{listNode("securityGroupInfo", "item", found, func(group *record) []wire.Node {
		ingress := s.groupPermissions(group, typeIngress, "SecurityGroupIngress")
		egress := s.groupPermissions(group, typeEgress, "SecurityGroupEgress")
		return []wire.Node{
			wire.T("ownerId", s.config.Account), wire.T("groupId", group.ID), wire.T("groupName", group.Name),
			wire.T("groupDescription", group.Properties.text("GroupDescription")), wire.T("vpcId", group.Scope),
			listNode("ipPermissions", "item", ingress, permissionNodes),
			listNode("ipPermissionsEgress", "item", egress, permissionNodes),
			tagSet(group.Tags),
		}
	})}, nil
}

func groupFilters(group *record) map[string]string {
	matches := map[string]string{"vpc-id": group.Scope, "group-id": group.ID, "group-name": group.Name}
	for key, value := range group.Tags {
		matches["tag:"+key] = value
	}
	return matches
}

// groupPermissions returns a group's rules: those in its properties, and resources of type kind
// that refer to the group.
func (s *Service) groupPermissions(group *record, kind, property string) []properties {
	rules := group.Properties.children(property)
	for _, rec := range s.recordsOf(kind) {
		if rec.Properties.text("GroupId") == group.ID {
			rules = append(rules, rec.Properties)
		}
	}
	return rules
}

func permissionNodes(p properties) []wire.Node {
	group := p.textOr("SourceSecurityGroupId", p.text("DestinationSecurityGroupId"))
	return omitEmpty(wire.T(
		"ipProtocol", p.text("IpProtocol"),
	), wire.T("fromPort", p.text("FromPort")), wire.T("toPort", p.text("ToPort")),
		wire.N("groups", omitEmpty(wire.N("item", omitEmpty(wire.T("groupId", group))...))...),
		wire.N("ipRanges", omitEmpty(wire.N("item", omitEmpty(wire.T("cidrIp", p.text("CidrIp")))...))...))
}
