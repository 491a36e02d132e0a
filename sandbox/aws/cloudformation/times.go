package cloudformation

import "time"

// times are how long a resource type typically takes, in seconds.
type times struct{ create, update, remove float64 }

// typical are historical averages of AWS (aws-cloudformation/rain's forecasts, and recorded event histories).
var typical = map[string]times{
	"AWS::CertificateManager::Certificate":      {239, 20, 10},
	"AWS::EC2::SecurityGroup":                   {6, 6, 3},
	"AWS::EC2::SecurityGroupIngress":            {3, 3, 2},
	"AWS::EC2::SecurityGroupEgress":             {3, 3, 2},
	"AWS::ElasticBeanstalk::Application":        {7, 5, 5},
	"AWS::ElasticBeanstalk::ApplicationVersion": {7, 5, 5},
	"AWS::ElasticBeanstalk::Environment":        {252, 391, 240},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {116, 20, 30},
	"AWS::IAM::InstanceProfile":                 {126, 10, 10},
	"AWS::IAM::Policy":                          {12, 12, 5},
	"AWS::IAM::Role":                            {17, 12, 11},
	"AWS::RDS::DBInstance":                      {595, 171, 300},
	"AWS::RDS::DBSubnetGroup":                   {10, 10, 5},
	"AWS::Route53::RecordSet":                   {20, 20, 20},
	"AWS::S3::Bucket":                           {13, 10, 1.3},
	"AWS::S3::BucketPolicy":                     {12, 12, 2},
	"AWS::SNS::Topic":                           {0.55, 18, 46},
	"AWS::SQS::Queue":                           {62, 61, 61},
}

// usual is what every other type takes.
var usual = times{5, 5, 5}

// Pauses between the steps of an operation, in seconds, as recorded.
const (
	beforeFirst   = 2.7
	beforeCreate  = 0.8
	beforeNext    = 0.4
	beforeEnd     = 0.9
	betweenTrials = 181
)

func timesOf(kind string) times {
	if t, ok := typical[kind]; ok {
		return t
	}
	return usual
}

// scaled is a number of AWS's seconds on this endpoint's clock.
func (s *Service) scaled(seconds float64) time.Duration {
	return time.Duration(seconds / s.config.Speed * float64(time.Second))
}
