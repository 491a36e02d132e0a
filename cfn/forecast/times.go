package forecast

// Times are how long a resource of a type typically takes, in seconds.
type Times struct{ Create, Update, Remove float64 }

// typical are historical averages of AWS. Those for creations and updates are from the forecasts of
// aws-cloudformation/rain (internal/cmd/forecast/estimate.go) and from recorded event histories.
// Those for removals are from the histories only.
var typical = map[string]Times{
	"AWS::CertificateManager::Certificate":      {239, 20, 10},
	"AWS::CloudFront::Distribution":             {266, 164, 160},
	"AWS::EC2::NatGateway":                      {106, 10, 60},
	"AWS::EC2::SecurityGroup":                   {6, 6, 3},
	"AWS::EC2::SecurityGroupIngress":            {3, 3, 2},
	"AWS::EC2::SecurityGroupEgress":             {3, 3, 2},
	"AWS::ElastiCache::ReplicationGroup":        {712, 300, 300},
	"AWS::ElasticBeanstalk::Application":        {7, 5, 5},
	"AWS::ElasticBeanstalk::ApplicationVersion": {7, 5, 5},
	"AWS::ElasticBeanstalk::Environment":        {252, 391, 240},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {116, 20, 30},
	"AWS::IAM::InstanceProfile":                 {126, 10, 10},
	"AWS::IAM::Policy":                          {12, 12, 5},
	"AWS::IAM::Role":                            {17, 12, 11},
	"AWS::RDS::DBCluster":                       {222, 171, 300},
	"AWS::RDS::DBInstance":                      {595, 171, 300},
	"AWS::RDS::DBSubnetGroup":                   {10, 10, 5},
	"AWS::Route53::RecordSet":                   {20, 20, 20},
	"AWS::S3::Bucket":                           {13, 10, 1.3},
	"AWS::S3::BucketPolicy":                     {12, 12, 2},
	"AWS::SNS::Topic":                           {0.55, 18, 46},
	"AWS::SQS::Queue":                           {62, 61, 61},
}

// Assumed are the times for a type without typical ones.
var Assumed = Times{5, 5, 5}

// Typical returns how long a resource of resourceType takes. known is false if the type has no
// typical times and the result is Assumed.
func Typical(resourceType string) (Times, bool) {
	if times, ok := typical[resourceType]; ok {
		return times, true
	}
	return Assumed, false
}
