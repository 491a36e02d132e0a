package handlers

// conditional has the actions in the registry's lists that a handler only calls if the resource has
// a property. An action without a property is never called in this sandbox, because it is for
// another kind of resource. An empty kind means all types.
//
// Actions that are not in this table are always called.
var conditional = []struct {
	kind     string
	property string
	actions  []string
}{
	{"", "KmsKeyId", []string{"kms:*"}},

	{"AWS::CertificateManager::Certificate", "CertificateAuthorityArn", []string{"acm-pca:*"}},
	{
		"AWS::CertificateManager::Certificate",
		"CertificateTransparencyLoggingPreference",
		[]string{"acm:UpdateCertificateOptions"},
	},
	{"AWS::CertificateManager::Certificate", "DomainValidationOptions", []string{"route53:*"}},

	{
		"AWS::ElasticBeanstalk::Application",
		"ResourceLifecycleConfig",
		[]string{"elasticbeanstalk:UpdateApplicationResourceLifecycle"},
	},
	{"AWS::ElasticBeanstalk::Environment", "OperationsRole", []string{"elasticbeanstalk:*EnvironmentOperationsRole"}},

	{"AWS::ElasticLoadBalancingV2::Listener", "", []string{"cognito-idp:*"}},
	{
		"AWS::ElasticLoadBalancingV2::Listener",
		"ListenerAttributes",
		[]string{"elasticloadbalancing:ModifyListenerAttributes"},
	},
	{"AWS::ElasticLoadBalancingV2::LoadBalancer", "IpAddressType", []string{"elasticloadbalancing:SetIpAddressType"}},
	{
		"AWS::ElasticLoadBalancingV2::LoadBalancer",
		"LoadBalancerAttributes",
		[]string{"elasticloadbalancing:ModifyLoadBalancerAttributes"},
	},
	{"AWS::ElasticLoadBalancingV2::LoadBalancer", "SecurityGroups", []string{"elasticloadbalancing:SetSecurityGroups"}},

	{"AWS::IAM::Role", "ManagedPolicyArns", []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy"}},
	{"AWS::IAM::Role", "PermissionsBoundary", []string{"iam:*PermissionsBoundary"}},
	{"AWS::IAM::Role", "Policies", []string{"iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"}},

	{"AWS::RDS::DBInstance", "AssociatedRoles", []string{"rds:*RoleToDBInstance", "rds:*RoleFromDBInstance"}},
	{"AWS::RDS::DBInstance", "AutomaticBackupReplicationRegion", []string{"rds:*BackupsReplication"}},
	{"AWS::RDS::DBInstance", "DBClusterIdentifier", []string{"rds:DescribeDBClusters"}},
	{"AWS::RDS::DBInstance", "DBClusterSnapshotIdentifier", []string{"rds:DescribeDBClusterSnapshots"}},
	{"AWS::RDS::DBInstance", "DBSnapshotIdentifier", []string{"rds:RestoreDBInstanceFromDBSnapshot"}},
	{"AWS::RDS::DBInstance", "ManageMasterUserPassword", []string{"secretsmanager:*"}},
	{"AWS::RDS::DBInstance", "MonitoringRoleArn", []string{"iam:GetRole", "iam:ListRoles", "iam:PassRole"}},
	{"AWS::RDS::DBInstance", "SourceDBInstanceIdentifier", []string{
		"rds:CreateDBInstanceReadReplica", "rds:PromoteReadReplica", "rds:RestoreDBInstanceToPointInTime",
	}},

	{"AWS::S3::Bucket", "AbacStatus", []string{"s3:*BucketAbac", "s3:*Resource"}},
	{"AWS::S3::Bucket", "AccelerateConfiguration", []string{"s3:*AccelerateConfiguration"}},
	{"AWS::S3::Bucket", "AccessControl", []string{"s3:PutObjectAcl", "s3:PutBucketAcl", "s3:GetBucketAcl"}},
	{"AWS::S3::Bucket", "AnalyticsConfigurations", []string{"s3:*AnalyticsConfiguration"}},
	{"AWS::S3::Bucket", "BucketEncryption", []string{"s3:*EncryptionConfiguration"}},
	{"AWS::S3::Bucket", "CorsConfiguration", []string{"s3:*CORS", "s3:*Cors"}},
	{"AWS::S3::Bucket", "IntelligentTieringConfigurations", []string{"s3:*IntelligentTieringConfiguration"}},
	{"AWS::S3::Bucket", "InventoryConfigurations", []string{"s3:*InventoryConfiguration"}},
	{"AWS::S3::Bucket", "LifecycleConfiguration", []string{"s3:*LifecycleConfiguration"}},
	{"AWS::S3::Bucket", "LoggingConfiguration", []string{"s3:*BucketLogging"}},
	{"AWS::S3::Bucket", "MetadataConfiguration", []string{"s3:*Metadata*", "s3tables:*"}},
	{"AWS::S3::Bucket", "MetricsConfigurations", []string{"s3:*MetricsConfiguration"}},
	{"AWS::S3::Bucket", "NotificationConfiguration", []string{"s3:*BucketNotification"}},
	{"AWS::S3::Bucket", "ObjectLockConfiguration", []string{"s3:*ObjectLockConfiguration"}},
	{"AWS::S3::Bucket", "OwnershipControls", []string{"s3:*OwnershipControls"}},
	{"AWS::S3::Bucket", "PublicAccessBlockConfiguration", []string{"s3:*PublicAccessBlock"}},
	{
		"AWS::S3::Bucket",
		"ReplicationConfiguration",
		[]string{"s3:*ReplicationConfiguration", "s3:*BucketReplication", "iam:PassRole"},
	},
	{"AWS::S3::Bucket", "VersioningConfiguration", []string{"s3:*BucketVersioning"}},
	{"AWS::S3::Bucket", "WebsiteConfiguration", []string{"s3:*BucketWebsite"}},
	// No property needs these actions: in IAM, the deletion of what an update removes has the names
	// of the Put actions (AWS docs: Actions of S3).
	{"AWS::S3::Bucket", "", []string{
		"s3:DeleteObject", "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle",
		"s3:DeleteBucketMetricsConfiguration",
		"s3:DeleteBucketAnalyticsConfiguration",
	}},

	{"AWS::SecretsManager::Secret", "GenerateSecretString", []string{"secretsmanager:GetRandomPassword"}},
	{"AWS::SecretsManager::Secret", "ReplicaRegions", []string{"secretsmanager:*Replica*"}},
	{"AWS::SecretsManager::SecretTargetAttachment", "", []string{
		"redshift:*", "redshift-serverless:*", "docdb-elastic:*", "rds:DescribeDBClusters",
	}},
}
