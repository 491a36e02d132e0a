package config

import (
	"reflect"

	"perch"
)

// check says what is wrong with a value, as the end of a sentence that begins with the key: "must
// be ..."; empty if nothing is wrong.
type check func(value string) string

type format struct {
	expression string
	check      check
}

func byPattern(expression, problem string) format {
	return format{expression, matches(expression, problem)}
}

// formats are the formats of texts, by their names in the tag `jsonschema`. Each has a pattern for
// the JSON Schema, which must accept everything that the check accepts.
var formats = map[string]format{
	"project":           {`^[a-z][a-z0-9]{1,14}$`, validProject},
	"image":             {`^[a-z0-9]\S*[:@]\S+$`, validImage},
	"branch pattern":    {`^[^\x00-\x1f\x7f]{1,255}$`, validPattern},
	"branch":            {`^[^\x00-\x20\x7f~^:?*\[\\]+$`, validBranch},
	"bucket":            {`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`, validBucket},
	"app variable":      {variable.expression, validAppVariable},
	"line":              {`\S`, validText},
	"url":               {`^https?://\S*\{host\}\S*$`, validURL},
	"github repository": {`^[^/\s]+/[^/\s]+$`, validGitHub},
	"github address":    {`^https?://[^/\s]+\S*$`, validGitHubURL},
	"seed source":       {`.`, validSeedFrom},
	"seed target":       {`^[a-zA-Z0-9]`, validSeedTo},
	"seed path":         {`^/[!-~]*$`, validSeedPath},
	"seed body":         {`.`, validSeedBody},
	"header":            {`^[A-Za-z0-9][A-Za-z0-9-]*$`, validSeedHeader},
	"duration":          {`^[+]?[0-9.]+[a-zµμ0-9.]*$`, func(string) string { return "must be a duration such as 30m" }},
	"hours": {`^[+]?[0-9.]+[hmsunµμ][a-zµμ0-9.]*$`,
		func(string) string { return "must be whole hours such as 168h" }},
	"network":  {`^[0-9a-fA-F.:]+/[0-9]{1,3}$`, validNetwork},
	"template": {`[.](ya?ml|json|template)$`, validTemplate},
	"instance type": byPattern(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`,
		"must be an EC2 instance type such as t3.small"),
	"instance class": byPattern(`^db\.[a-z][a-z0-9-]*\.[a-z0-9-]+$`,
		"must be an RDS instance class such as db.t4g.micro"),
	"version": byPattern(`^[1-9][0-9]$`,
		`must be a major version of PostgreSQL such as "16"`),
	"health path": byPattern(`^/[!-z|~]{0,1000}$`,
		"must be a path that begins with a slash and has no braces, such as /healthz"),
	"secret name": byPattern(variable.expression,
		"must be the name of one of the settings' secrets, such as DEMO_TOKEN"),
	"secret": secretARN,
	"snapshot": byPattern(`^((rds:)?[a-zA-Z][a-zA-Z0-9-]{0,254}|`+
		`arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:snapshot:[a-zA-Z0-9:-]+)$`,
		"must be the id or the ARN of an RDS snapshot"),
	"account": byPattern(`^[0-9]{12}$`,
		"must be an AWS account of 12 digits, in quotes"),
	"region": byPattern(`^[a-z]{2}(-[a-z]+)+-[0-9]$`,
		"must be an AWS region such as eu-central-1"),
	"role": byPattern(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`,
		"must be the ARN of an IAM role"),
	"hosted zone": byPattern(`^[A-Z0-9]{1,32}$`,
		"must be the id of a hosted zone such as Z0123456789ABC"),
	"vpc": byPattern(`^vpc-[0-9a-z]+$`,
		"must be the id of a VPC such as vpc-0a1b2c3d"),
	"subnet": byPattern(`^subnet-[0-9a-z]+$`,
		"must be the id of a subnet such as subnet-0a1b2c3d"),
	"domain": byPattern(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`,
		"must be a domain name in lower case such as preview.example.com"),
	"secret prefix": byPattern(`^arn:aws[a-z-]*:(secretsmanager|ssm):`,
		"must be the beginning of an ARN such as arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/"),
	"s3 prefix": byPattern(`^s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/.*)?$`,
		"must be an address such as s3://bucket/prefix/"),
	"registry": byPattern(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`,
		"must be the host of a registry, as images name it, such as ghcr.io"),
	"registry endpoint": byPattern(`^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`,
		"must be the address of a registry such as http://127.0.0.1:4567"),
	"snapshot prefix": byPattern(`^((rds:)?[a-zA-Z][a-zA-Z0-9-]*|arn:aws[a-z-]*:rds:[a-zA-Z0-9:-]*)$`,
		"must be the beginning of the id or the ARN of an RDS snapshot such as shop-seed-"),
	"logical id": logicalID,
}

// listFormats are the formats of the texts in lists by kind.
var listFormats = map[reflect.Type]string{
	reflect.TypeFor[map[perch.Kind][]string](): "branch pattern",
	reflect.TypeFor[perch.KindSecrets]():       "secret prefix",
}
