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

// vpcKinds are the network resources that a stack can create. The sandbox routes no traffic. Other
// resources check only whether a subnet exists and in which zone it is.
var vpcKinds = map[string]kind{
	typeVPC:                          {service: network, prepare: prepareVPC, rejectDelete: rejectVPC},
	typeSubnet:                       {service: network, prepare: prepareSubnet, rejectDelete: rejectSubnet},
	typeGateway:                      {service: network, prepare: generateID("igw", "InternetGatewayId")},
	"AWS::EC2::VPCGatewayAttachment": {service: network, prepare: checkVPC},
	typeRoutes:                       {service: network, prepare: prepareRouteTable},
	"AWS::EC2::Route":                {service: network, prepare: checkRouteTable},
	"AWS::EC2::SubnetRouteTableAssociation": {service: network, prepare: func(s *Service, rec *record) error {
		if subnet := rec.Properties.text("SubnetId"); s.subnetVPC(subnet) == "" {
			return invalidRequest(network, "The subnet ID '%s' does not exist", subnet)
		}
		return checkRouteTable(s, rec)
	}},
}

// generateID returns a prepare function that gives a new resource an id with the prefix, and sets
// the attribute to the id.
func generateID(prefix, attribute string) func(*Service, *record) error {
	return func(s *Service, rec *record) error {
		if rec.ID == "" {
			rec.ID = prefix + "-" + randomText(hexDigits, 17)
			rec.Attributes[attribute] = rec.ID
		}
		return nil
	}
}

func prepareVPC(s *Service, rec *record) error {
	if rec.Properties.text("CidrBlock") == "" {
		return invalidRequest(network, "Either 'CidrBlock' or 'Ipv4IpamPoolId' should be provided.")
	}
	rec.Attributes["CidrBlock"] = rec.Properties.text("CidrBlock")
	return generateID("vpc", "VpcId")(s, rec)
}

// rejectVPC rejects the deletion of a VPC that is not empty.
func rejectVPC(s *Service, rec *record, late bool) error {
	for _, other := range s.state.Records {
		inside := other.Properties.text("VpcId") == rec.ID || other.Scope == rec.ID
		if late && other != rec && !other.isDeleted() && inside {
			return handlerError(
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
	if err := checkVPC(s, rec); err != nil {
		return err
	}
	rec.Attributes["AvailabilityZone"] = rec.Properties.textOr("AvailabilityZone", s.config.Region+"a")
	rec.Attributes["VpcId"], rec.Attributes["CidrBlock"] = rec.Properties.text(
		"VpcId",
	), rec.Properties.text("CidrBlock")
	return generateID("subnet", "SubnetId")(s, rec)
}

// rejectSubnet rejects the deletion of a subnet that another resource uses.
func rejectSubnet(s *Service, rec *record, late bool) error {
	for _, other := range s.state.Records {
		uses := strings.Contains(scalarText(map[string]any(other.Properties)), rec.ID)
		if late && other != rec && !other.isDeleted() && uses {
			return handlerError(
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

func checkVPC(s *Service, rec *record) error {
	if vpc := rec.Properties.text("VpcId"); !s.vpcExists(vpc) {
		return invalidRequest(network, "The vpc ID '%s' does not exist", vpc)
	}
	return nil
}

func prepareRouteTable(s *Service, rec *record) error {
	if err := checkVPC(s, rec); err != nil {
		return err
	}
	return generateID("rtb", "RouteTableId")(s, rec)
}

func checkRouteTable(s *Service, rec *record) error {
	if table := rec.Properties.text("RouteTableId"); s.findByID(typeRoutes, table) == nil {
		return invalidRequest(network, "The routeTable ID '%s' does not exist", table)
	}
	return nil
}

func (s *Service) vpcExists(id string) bool { return id == VPC || s.findByID(typeVPC, id) != nil }
