package cfn

import "slices"

// privatePrefixes are the prefixes of keys in the artifact bucket that are not those of source
// bundles.
var privatePrefixes = []string{"admissions/", "cards/", "history/", "removals/", "seeds/", "templates/"}

// earlierStatements are the permissions of the instance role of earlier versions. It finds buckets
// by their names, and passwords by the kinds of the application. The statements deny what instances
// never needed of the artifact bucket.
func (in ApplicationInput) earlierStatements() []statement {
	project := in.Project
	passwords := allow("DatabasePasswords", anySecret(), "secretsmanager:GetSecretValue")
	passwords.Condition = ofKinds(project, in.kindNames())
	return slices.Concat(platformStatements(project), []statement{
		namedBuckets(project), namedObjects(project),
		unwritableArtifacts(project), unreadableArtifacts(project), unlistableArtifacts(project),
		passwords,
	}, in.masterStatements(), allowedSecrets(in.Policy.Secrets.From), []statement{commandStatement()})
}

func unreadableArtifacts(project string) statement {
	var keys []value
	for _, prefix := range privatePrefixes {
		keys = append(keys, bucketsOf(project+"-application-*/"+prefix+"*")...)
	}
	return deny("PrivateArtifacts", keys, "s3:GetObject")
}

func unlistableArtifacts(project string) statement {
	return deny("ArtifactKeys", bucketsOf(project+"-application-*"), "s3:ListBucket")
}

func (in ApplicationInput) kindNames() []string {
	var names []string
	for _, kind := range in.kinds() {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return names
}
