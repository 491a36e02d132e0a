package services

import (
	"strings"
)

const (
	typeVPC     = "AWS::EC2::VPC"
	typeSubnet  = "AWS::EC2::Subnet"
	typeGateway = "AWS::EC2::InternetGateway"
	typeRoutes  = "AWS::EC2::RouteTable"
)

// vpcKinds are the network resources that a stack can create. Nothing is routed: subnets only have
// to exist, in their zones.
var vpcKinds = map[string]kind{
	typeVPC:                          {service: network, prepare: prepareVPC, reject: rejectVPC},
	typeSubnet:                       {service: network, prepare: prepareSubnet, reject: rejectSubnet},
	typeGateway:                      {service: network, prepare: identified("igw", "InternetGatewayId")},
	"AWS::EC2::VPCGatewayAttachment": {service: network, prepare: inVPC},
	typeRoutes:                       {service: network, prepare: prepareRouteTable},
	"AWS::EC2::Route":                {service: network, prepare: inRouteTable},
	"AWS::EC2::SubnetRouteTableAssociation": {service: network, prepare: func(s *Service, rec *record) error {
		if subnet := rec.Properties.text("SubnetId"); s.subnetVPC(subnet) == "" {
			return invalid(network, "The subnet ID '%s' does not exist", subnet)
		}
		return inRouteTable(s, rec)
	}},
}

// identified returns a function that generates a new resource's id with a prefix, and sets the
// attribute to it.
func identified(prefix, attribute string) func(*Service, *record) error {
	return func(s *Service, rec *record) error {
		if rec.ID == "" {
			rec.ID = prefix + "-" + random(hexDigits, 17)
			rec.Attributes[attribute] = rec.ID
		}
		return nil
	}
}

func prepareVPC(s *Service, rec *record) error {
	if rec.Properties.text("CidrBlock") == "" {
		return invalid(network, "Either 'CidrBlock' or 'Ipv4IpamPoolId' should be provided.")
	}
	rec.Attributes["CidrBlock"] = rec.Properties.text("CidrBlock")
	return identified("vpc", "VpcId")(s, rec)
}

// rejectVPC rejects the deletion of a VPC that is not empty.
func rejectVPC(s *Service, rec *record, late bool) error {
	for _, other := range s.state.Records {
		inside := other.Properties.text("VpcId") == rec.ID || other.Scope == rec.ID
		if late && other != rec && !other.gone() && inside {
			return failure(
				network,
				400,
				"GeneralServiceException",
				"The vpc '%s' has dependencies and cannot be deleted.",
				rec.ID,
			)
		}
	}
	return nil
}

func prepareSubnet(s *Service, rec *record) error {
	if err := inVPC(s, rec); err != nil {
		return err
	}
	rec.Attributes["AvailabilityZone"] = rec.Properties.or("AvailabilityZone", s.config.Region+"a")
	rec.Attributes["VpcId"], rec.Attributes["CidrBlock"] = rec.Properties.text(
		"VpcId",
	), rec.Properties.text("CidrBlock")
	return identified("subnet", "SubnetId")(s, rec)
}

// rejectSubnet rejects the deletion of a subnet that another resource uses.
func rejectSubnet(s *Service, rec *record, late bool) error {
	for _, other := range s.state.Records {
		if late && other != rec && !other.gone() && strings.Contains(scalar(map[string]any(other.Properties)), rec.ID) {
			return failure(
				network,
				400,
				"GeneralServiceException",
				"The subnet '%s' has dependencies and cannot be deleted.",
				rec.ID,
			)
		}
	}
	return nil
}

func inVPC(s *Service, rec *record) error {
	if vpc := rec.Properties.text("VpcId"); !s.vpcExists(vpc) {
		return invalid(network, "The vpc ID '%s' does not exist", vpc)
	}
	return nil
}

func prepareRouteTable(s *Service, rec *record) error {
	if err := inVPC(s, rec); err != nil {
		return err
	}
	return identified("rtb", "RouteTableId")(s, rec)
}

func inRouteTable(s *Service, rec *record) error {
	if table := rec.Properties.text("RouteTableId"); s.find(typeRoutes, table) == nil {
		return invalid(network, "The routeTable ID '%s' does not exist", table)
	}
	return nil
}

func (s *Service) vpcExists(id string) bool { return id == VPC || s.find(typeVPC, id) != nil }
