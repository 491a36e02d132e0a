package forecast

// byUse has the types that are charged by use, with what is charged.
var byUse = map[string]string{
	"AWS::S3::Bucket": "S3 storage and requests", "AWS::Logs::LogGroup": "logs", "AWS::SNS::Topic": "messages",
	"AWS::SQS::Queue":       "messages",
	"AWS::Lambda::Function": "function calls", "AWS::ECR::Repository": "image storage", "AWS::Events::Rule": "events",
}

// free are the types that have no price themselves.
var free = freeTypes(
	"AWS::AutoScaling::LaunchConfiguration", "AWS::AutoScaling::ScalingPolicy", "AWS::CertificateManager::Certificate",
	"AWS::EC2::InternetGateway",
	"AWS::EC2::LaunchTemplate", "AWS::EC2::Route", "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup",
	"AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
	"AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC",
	"AWS::EC2::VPCGatewayAttachment", "AWS::ElasticBeanstalk::Application", "AWS::ElasticBeanstalk::ApplicationVersion",
	"AWS::ElasticBeanstalk::ConfigurationTemplate", "AWS::ElasticLoadBalancingV2::Listener",
	"AWS::ElasticLoadBalancingV2::ListenerCertificate",
	"AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::ElasticLoadBalancingV2::TargetGroup",
	"AWS::IAM::InstanceProfile", "AWS::IAM::ManagedPolicy",
	"AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::RDS::DBParameterGroup",
	"AWS::RDS::DBSubnetGroup",
	"AWS::Route53::RecordSet", "AWS::Route53::RecordSetGroup", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription",
	"AWS::SQS::QueuePolicy",
	"AWS::SecretsManager::SecretTargetAttachment", "AWS::SSM::Parameter",
)

func freeTypes(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}
