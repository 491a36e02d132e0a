package forecast

// PricesDate is when the prices below were looked up.
const PricesDate = "2026-11-25"

// regionPrices are on-demand list prices in USD, without tax, free tier, discounts or credits.
type regionPrices struct {
	// instances are EC2 instances for an hour: Linux, shared tenancy. Burstable ones may cost more
	// under load.
	instances map[string]float64
	// databases are RDS for PostgreSQL instances for an hour in one availability zone.
	databases map[string]float64
	// databaseStorage is a GiB of RDS gp3 storage for a month in one availability zone.
	databaseStorage float64
	// balancer is an Application Load Balancer for an hour, without its capacity units.
	balancer float64
}

const (
	// publicIPv4 is a public IPv4 address for an hour, in use or idle, in every region.
	publicIPv4 = 0.005
	// secret is a secret of Secrets Manager for a month, in every region.
	secret = 0.40
	// hoursPerMonth is the number of hours that AWS uses for monthly prices.
	hoursPerMonth = 730
)

// prices are the prices, by region, of what people use for branches and staging. A size or class is
// missing if none of the sources below names it.
//
// Sources, all read on PricesDate:
//   - EC2 in us-east-1: the prices that aws/karpenter-provider-aws generates from the AWS Price List
//     (pkg/providers/pricing/zz_generated.pricing_aws.go, 2026-01-19).
//   - m7g, m7i and t4g in us-east-1 and eu-west-1: a public price book that was checked against the
//     Price List on 2026-10-08.
//   - EC2 in eu-central-1: public lists of 2021-08-30 (t3, t3a) and of 2026, which agree.
//   - RDS in us-east-1: published tables of 2026.
//   - RDS, load balancers and storage in eu-west-1 and eu-central-1: amounts divided by usage, both
//     from public Cost Explorer exports of 2026.
//   - db.t3 and db.t4g.small and above in eu-central-1: one public list of the Price List's values.
var prices = map[string]regionPrices{
	"us-east-1": {
		instances: map[string]float64{
			"t3.nano": 0.0052, "t3.micro": 0.0104, "t3.small": 0.0208, "t3.medium": 0.0416, "t3.large": 0.0832,
			"t3.xlarge": 0.1664, "t3.2xlarge": 0.3328,
			"t3a.nano": 0.0047, "t3a.micro": 0.0094, "t3a.small": 0.0188, "t3a.medium": 0.0376, "t3a.large": 0.0752,
			"t3a.xlarge": 0.1504, "t3a.2xlarge": 0.3008,
			"t4g.nano": 0.0042, "t4g.micro": 0.0084, "t4g.small": 0.0168, "t4g.medium": 0.0336, "t4g.large": 0.0672,
			"t4g.xlarge": 0.1344, "t4g.2xlarge": 0.2688,
			"m5.large": 0.096, "m5.xlarge": 0.192, "m6a.large": 0.0864, "m6a.xlarge": 0.1728, "m6g.large": 0.077,
			"m7g.medium": 0.0408, "m7g.large": 0.0816, "m7g.xlarge": 0.1632, "m7g.2xlarge": 0.3264,
			"m7i.large": 0.1008, "m7i.xlarge": 0.2016, "m7i.2xlarge": 0.4032,
			"c7g.medium": 0.0363, "c7g.large": 0.0725, "c7g.xlarge": 0.145, "c7i.large": 0.08925, "c7i.xlarge": 0.1785,
		},
		databases: map[string]float64{
			"db.t3.micro": 0.018, "db.t3.small": 0.036, "db.t3.medium": 0.072, "db.t3.large": 0.145,
			"db.t3.xlarge": 0.29,
			"db.t4g.micro": 0.016, "db.t4g.small": 0.032, "db.t4g.medium": 0.065, "db.t4g.large": 0.129,
			"db.t4g.xlarge": 0.258,
			"db.m5.large":   0.178, "db.m5.xlarge": 0.356, "db.m6g.large": 0.159, "db.m6g.xlarge": 0.318,
			"db.m6i.large": 0.178, "db.m6i.xlarge": 0.356,
			"db.m7g.large": 0.168, "db.m7g.xlarge": 0.337,
		},
		databaseStorage: 0.115, balancer: 0.0225,
	},
	"eu-west-1": {
		instances: map[string]float64{
			"t3.micro": 0.0114, "t3.small": 0.0228, "t3.medium": 0.0456, "t3.large": 0.0912,
			"t4g.small": 0.0184, "t4g.medium": 0.0368, "t4g.large": 0.0736, "t4g.xlarge": 0.1472, "t4g.2xlarge": 0.2944,
			"m7g.medium": 0.0455, "m7g.large": 0.091, "m7g.xlarge": 0.1819, "m7g.2xlarge": 0.3638,
			"m7i.large": 0.11235, "m7i.xlarge": 0.2247, "m7i.2xlarge": 0.4494,
			"c7g.medium": 0.0388, "c7g.large": 0.0775, "c7g.xlarge": 0.155,
		},
		databases: map[string]float64{
			"db.t3.xlarge": 0.312,
			"db.t4g.micro": 0.017, "db.t4g.small": 0.035, "db.t4g.medium": 0.069,
		},
		databaseStorage: 0.127, balancer: 0.0252,
	},
	"eu-central-1": {
		instances: map[string]float64{
			"t3.nano": 0.006, "t3.micro": 0.012, "t3.small": 0.024, "t3.medium": 0.048, "t3.large": 0.096,
			"t3.xlarge": 0.192, "t3.2xlarge": 0.384,
			"t3a.nano": 0.0054, "t3a.micro": 0.0108, "t3a.small": 0.0216,
			"m6i.large": 0.115, "m6i.xlarge": 0.23, "m6i.2xlarge": 0.46, "c6i.large": 0.097, "c6i.xlarge": 0.194,
		},
		databases: map[string]float64{
			"db.t3.micro": 0.021, "db.t3.small": 0.042, "db.t3.medium": 0.084, "db.t3.large": 0.168,
			"db.t3.xlarge": 0.336,
			"db.t4g.micro": 0.019, "db.t4g.small": 0.038, "db.t4g.medium": 0.076,
		},
		databaseStorage: 0.137, balancer: 0.027,
	},
}
