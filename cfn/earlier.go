package cfn

import "slices"

// privatePrefixes begin the keys of the artifact bucket that are no source bundles.
var privatePrefixes = []string{"admissions/", "cards/", "history/", "removals/", "seeds/", "templates/"}

// earlierStatements are what the role of earlier versions may do: it knows buckets by their names
// and passwords by the kinds of the application. What instances never needed of the artifact bucket
// is denied.
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
