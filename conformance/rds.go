package conformance

// database is a database in the default VPC. lines are further lines of its properties.
func database(deletionPolicy, lines string) string {
	return "Database: {Type: AWS::RDS::DBInstance, DeletionPolicy: " + deletionPolicy +
		", Properties: {Engine: postgres, " +
		`DBInstanceClass: db.t4g.micro, AllocatedStorage: "20", StorageType: gp3, MasterUsername: perch, ` +
		`ManageMasterUserPassword: true, BackupRetentionPeriod: 0, CopyTagsToSnapshot: true, ` + lines + "}}"
}
