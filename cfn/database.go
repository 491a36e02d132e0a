package cfn

import (
	"strconv"

	"perch"
)

const (
	databaseSecretID     = "DatabaseSecret"
	databaseSubnetsID    = "DatabaseSubnets"
	databaseGroupID      = "DatabaseSecurityGroup"
	databaseAttachmentID = "DatabaseSecretAttachment"
	instanceGroupID      = "InstanceSecurityGroup"

	// DatabaseID is the logical id of a dedicated database.
	DatabaseID = "Database"

	// ExtendedSupportDisabled opts a database out of RDS Extended Support, which is on by default
	// and costs several times as much as a small instance (RDS guide, "Amazon RDS Extended
	// Support"). RDS then rejects versions whose standard support has ended.
	ExtendedSupportDisabled = "open-source-rds-extended-support-disabled"

	// SharedSecretID is the logical id of the secret with the password of an environment's user in
	// the shared instance.
	SharedSecretID = "SharedDatabaseSecret"

	// databaseName and databaseUser need no quotes, and are not reserved words in PostgreSQL.
	databaseName = "app"
	databaseUser = "app"
	databasePort = 5432
)

type databaseProperties struct {
	AllocatedStorage string
	// AllowMajorVersionUpgrade allows a new EngineVersion to upgrade the database. Without it, RDS
	// rejects the change.
	AllowMajorVersionUpgrade bool
	AutoMinorVersionUpgrade  bool
	BackupRetentionPeriod    int
	CopyTagsToSnapshot       bool
	DBInstanceClass          string
	DBName                   string `json:",omitempty"`
	DBSnapshotIdentifier     string `json:",omitempty"`
	DBSubnetGroupName        value
	DeleteAutomatedBackups   bool
	DeletionProtection       bool
	Engine                   string
	EngineLifecycleSupport   string `json:",omitempty"`
	EngineVersion            string `json:",omitempty"`
	MasterUserPassword       value
	MasterUsername           string `json:",omitempty"`
	MultiAZ                  bool
	PubliclyAccessible       bool
	StorageEncrypted         bool `json:",omitempty"`
	StorageType              string
	Tags                     []tag `json:",omitempty"`
	VPCSecurityGroups        []value
}

type subnetGroupProperties struct {
	DBSubnetGroupDescription string
	SubnetIds                []string
	Tags                     []tag `json:",omitempty"`
}

type securityGroupProperties struct {
	GroupDescription     string
	SecurityGroupIngress []ingress `json:",omitempty"`
	Tags                 []tag     `json:",omitempty"`
	VpcID                string    `json:"VpcId"`
}

type ingress struct {
	CidrIP                string `json:"CidrIp,omitempty"`
	Description           string
	FromPort              int
	IPProtocol            string `json:"IpProtocol"`
	SourceSecurityGroupID value  `json:"SourceSecurityGroupId,omitempty"`
	ToPort                int
}

type secretProperties struct {
	Description          string
	GenerateSecretString generatedSecret
	Tags                 []tag `json:",omitempty"`
}

type generatedSecret struct {
	ExcludePunctuation   bool
	GenerateStringKey    string
	PasswordLength       int
	SecretStringTemplate string
}

type attachmentProperties struct {
	SecretID   value `json:"SecretId"`
	TargetID   value `json:"TargetId"`
	TargetType string
}

// addInstanceGroup adds the security group that identifies the environment's instances.
func (d *document) addInstanceGroup(network perch.Network) {
	d.Resources[instanceGroupID] = resource{Type: "AWS::EC2::SecurityGroup", Properties: securityGroupProperties{
		GroupDescription: "Instances of this environment",
		VpcID:            network.VPC,
	}}
}

// addDatabase adds the database with what it needs: subnets, a password that Secrets Manager
// generates, and a security group that admits the instances.
func (d *document) addDatabase(in EnvironmentInput) {
	database, network := *in.Settings.Database, in.Policy.Network
	d.Resources[databaseGroupID] = resource{Type: "AWS::EC2::SecurityGroup", Properties: securityGroupProperties{
		GroupDescription: "Database of this environment",
		VpcID:            network.VPC,
		SecurityGroupIngress: []ingress{{
			Description:           "PostgreSQL from the instances of this environment",
			IPProtocol:            "tcp",
			FromPort:              databasePort,
			ToPort:                databasePort,
			SourceSecurityGroupID: getAtt{instanceGroupID, "GroupId"},
		}},
	}}
	d.Resources[databaseSubnetsID] = resource{Type: "AWS::RDS::DBSubnetGroup", Properties: subnetGroupProperties{
		DBSubnetGroupDescription: "Subnets of the database of this environment",
		SubnetIds:                databaseSubnets(network),
	}}
	d.Resources[databaseSecretID] = generatedPassword(
		"Password of this environment's database", databaseUser, nil,
	).keep(deleteIt)
	d.attach(databaseSecretID, databaseAttachmentID, DatabaseID)
	d.Resources[DatabaseID] = databaseInstance(database, in.Kind, in.ExtendedSupport)
}

func databaseSubnets(network perch.Network) []string {
	if len(network.DatabaseSubnets) > 0 {
		return network.DatabaseSubnets
	}
	return network.Subnets
}

// generatedPassword returns a secret whose password Secrets Manager generates. The password has
// only letters and digits, because RDS rejects some punctuation (AWS docs: CreateDBInstance,
// MasterUserPassword), and Compose interprets some.
func generatedPassword(description, user string, tags []tag) resource {
	return resource{Type: "AWS::SecretsManager::Secret", Properties: secretProperties{
		Description: description,
		GenerateSecretString: generatedSecret{
			SecretStringTemplate: `{"username":"` + user + `"}`,
			GenerateStringKey:    "password",
			PasswordLength:       40,
			ExcludePunctuation:   true,
		},
		Tags: tags,
	}}
}

// attach has Secrets Manager write the database's address into its secret.
func (d *document) attach(secret, attachment, database string) {
	d.Resources[attachment] = resource{
		Type: "AWS::SecretsManager::SecretTargetAttachment",
		Properties: attachmentProperties{
			SecretID:   ref(secret),
			TargetID:   ref(database),
			TargetType: "AWS::RDS::DBInstance",
		},
	}
}

func passwordOf(secret string) value {
	return sub("{{resolve:secretsmanager:${" + secret + "}:SecretString:password}}")
}

// databaseInstance returns the database, new or restored from a snapshot. A branch's database is
// deleted without a snapshot. It needs a deletion policy for that, because CloudFormation would
// otherwise take one.
func databaseInstance(database perch.Database, kind perch.Kind, extended bool) resource {
	policy := snapshotIt
	if kind == perch.KindBranch {
		policy = deleteIt
	}
	properties := databaseProperties{
		AllocatedStorage:         strconv.Itoa(database.StorageGB),
		AllowMajorVersionUpgrade: true,
		AutoMinorVersionUpgrade:  true,
		BackupRetentionPeriod:    database.BackupDays,
		CopyTagsToSnapshot:       true,
		DBInstanceClass:          database.Class,
		DBName:                   databaseName,
		DBSubnetGroupName:        ref(databaseSubnetsID),
		DeleteAutomatedBackups:   kind == perch.KindBranch,
		DeletionProtection:       kind != perch.KindBranch,
		Engine:                   database.Engine,
		EngineLifecycleSupport:   lifecycleSupport(extended),
		EngineVersion:            database.Version,
		MasterUserPassword:       passwordOf(databaseSecretID),
		MasterUsername:           databaseUser,
		MultiAZ:                  database.MultiAZ,
		StorageEncrypted:         true,
		StorageType:              "gp3",
		VPCSecurityGroups:        []value{getAtt{databaseGroupID, "GroupId"}},
	}
	if database.Mode == perch.DatabaseSnapshot {
		properties.restore(database.Snapshot)
	}
	return resource{Type: "AWS::RDS::DBInstance", Properties: properties}.keep(policy)
}

// lifecycleSupport returns the setting for Extended Support. It leaves an enrolled database
// enrolled. Otherwise RDS would upgrade the database when the standard support of its version has
// ended.
func lifecycleSupport(extended bool) string {
	if extended {
		return ""
	}
	return ExtendedSupportDisabled
}

// restore removes the properties that a restored database has from its snapshot (AWS docs:
// AWS::RDS::DBInstance, DBSnapshotIdentifier). The password stays, because CloudFormation sets it
// after the restoration (aws-cloudformation-resource-providers-rds: shouldUpdateAfterCreate). The
// version does not, because with it that update would also upgrade the database.
func (p *databaseProperties) restore(snapshot string) {
	p.DBSnapshotIdentifier = snapshot
	p.DBName, p.MasterUsername, p.EngineVersion, p.StorageEncrypted = "", "", "", false
}
