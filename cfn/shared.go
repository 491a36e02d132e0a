package cfn

import (
	"strconv"

	"perch"
)

const (
	sharedMasterID      = "SharedDatabaseMasterSecret"
	sharedAttachmentID  = "SharedDatabaseMasterAttachment"
	sharedSubnetsID     = "SharedDatabaseSubnets"
	sharedGroupID       = "SharedDatabaseSecurityGroup"
	sharedClientGroupID = "SharedDatabaseClients"

	// SharedDatabaseID is the logical id of the shared instance.
	SharedDatabaseID = "SharedDatabase"
	// SharedDatabaseUser is the master user of the shared instance.
	SharedDatabaseUser = "perch"
)

// addSharedDatabase adds the instance that has the databases of environments. Only members of the
// clients' security group can connect to it: the instances of those environments, and the worker,
// which creates the databases.
func (d *document) addSharedDatabase(in ApplicationInput, tags []tag) {
	network := in.Policy.Network
	d.Resources[sharedClientGroupID] = resource{Type: "AWS::EC2::SecurityGroup", Properties: securityGroupProperties{
		GroupDescription: "Clients of the shared database - instances and the worker",
		VpcID:            network.VPC,
		Tags:             tags,
	}}
	d.Resources[sharedGroupID] = resource{Type: "AWS::EC2::SecurityGroup", Properties: securityGroupProperties{
		GroupDescription: "Database that environments share",
		VpcID:            network.VPC,
		SecurityGroupIngress: []ingress{{
			Description:           "PostgreSQL from clients",
			IPProtocol:            "tcp",
			FromPort:              databasePort,
			ToPort:                databasePort,
			SourceSecurityGroupID: getAtt{sharedClientGroupID, "GroupId"},
		}},
		Tags: tags,
	}}
	d.Resources[sharedSubnetsID] = resource{Type: "AWS::RDS::DBSubnetGroup", Properties: subnetGroupProperties{
		DBSubnetGroupDescription: "Subnets of the shared database",
		SubnetIds:                databaseSubnets(network),
		Tags:                     tags,
	}}
	d.Resources[sharedMasterID] = generatedPassword(
		"Password of the shared database's master user", SharedDatabaseUser, tags,
	).keep(deleteIt)
	d.attach(sharedMasterID, sharedAttachmentID, SharedDatabaseID)
	d.Resources[SharedDatabaseID] = sharedInstance(*in.Policy.SharedDatabase, tags, in.ExtendedSupport)
	d.Outputs[outputDatabaseHost] = output{
		"Host name of the shared database",
		getAtt{SharedDatabaseID, "Endpoint.Address"},
	}
	d.Outputs[outputDatabasePort] = output{"Port of the shared database", getAtt{SharedDatabaseID, "Endpoint.Port"}}
	d.Outputs[outputDatabaseSecret] = output{"Secret of the shared database's master user", ref(sharedMasterID)}
	d.Outputs[outputDatabaseClients] = output{
		"Security group that the shared database admits", getAtt{sharedClientGroupID, "GroupId"},
	}
}

// sharedInstance is as protected as a production database, because it has the data of every
// environment.
func sharedInstance(database perch.SharedDatabase, tags []tag, extended bool) resource {
	return resource{Type: "AWS::RDS::DBInstance", Properties: databaseProperties{
		AllocatedStorage:         strconv.Itoa(database.StorageGB),
		AllowMajorVersionUpgrade: true,
		AutoMinorVersionUpgrade:  true,
		BackupRetentionPeriod:    database.BackupDays,
		CopyTagsToSnapshot:       true,
		DBInstanceClass:          database.Class,
		DBSubnetGroupName:        ref(sharedSubnetsID),
		DeletionProtection:       true,
		Engine:                   "postgres",
		EngineLifecycleSupport:   lifecycleSupport(extended),
		EngineVersion:            database.Version,
		MasterUserPassword:       passwordOf(sharedMasterID),
		MasterUsername:           SharedDatabaseUser,
		MultiAZ:                  database.MultiAZ,
		StorageEncrypted:         true,
		StorageType:              "gp3",
		Tags:                     tags,
		VPCSecurityGroups:        []value{getAtt{sharedGroupID, "GroupId"}},
	}}.keep(snapshotIt)
}

// sharesDatabase reports whether the environment's database is in the shared instance.
func (in EnvironmentInput) sharesDatabase() bool {
	return in.Settings.Database != nil && in.Settings.Database.Mode == perch.DatabaseShared
}

// addSharedUser adds the password of the environment's user in the shared instance. The worker
// creates the database and the user as soon as the password exists, which is minutes before the
// first instance runs.
func (d *document) addSharedUser(environment perch.Environment) {
	d.Resources[SharedSecretID] = generatedPassword(
		"Password of this environment's user in the shared database", environment.DatabaseName(), nil,
	).keep(deleteIt)
}
