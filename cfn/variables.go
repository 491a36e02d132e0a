package cfn

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"perch"
)

// defaultPort is the port on which the app listens in its container, unless its settings set PORT.
const defaultPort = "8080"

const portVariable = "PORT"

// variables returns the app's environment variables: those that Perch sets, those of the settings,
// and references to secrets, which instances read when they start. It returns an error if a name is
// set twice. Settings may override only PORT.
func (in EnvironmentInput) variables() ([]option, error) {
	plain := in.ownVariables()
	secrets := in.ownSecrets()
	for _, name := range slices.Sorted(maps.Keys(in.Settings.Environment)) {
		if (plain[name] != nil && name != portVariable) || secrets[name] != nil {
			return nil, fmt.Errorf("environment variable %s is set by Perch: choose another name", name)
		}
		plain[name] = literal(in.Settings.Environment[name])
	}
	for _, name := range slices.Sorted(maps.Keys(in.Settings.Secrets)) {
		if plain[name] != nil || secrets[name] != nil {
			return nil, fmt.Errorf(
				"secret %s is already set as an environment variable: choose another name for one of them", name,
			)
		}
		secrets[name] = literal(in.Settings.Secrets[name])
	}
	var options []option
	for name, v := range plain {
		options = append(options, option{nsVariables, name, v})
	}
	for name, v := range secrets {
		options = append(options, option{nsSecrets, name, v})
	}
	return options, nil
}

// ownVariables returns the variables that Perch sets. The branch is encoded as in tags, because
// Elastic Beanstalk does not accept every character that a branch's name can have.
func (in EnvironmentInput) ownVariables() map[string]value {
	variables := map[string]value{
		"PERCH_BRANCH": literal(perch.EncodeTag(in.Environment.Branch)),
		"PERCH_COMMIT": literal(in.Commit),
		"PERCH_STACK":  literal(in.Environment.StackName()),
		"PERCH_KIND":   literal(in.Kind),
		portVariable:   literal(containerPort(in.Settings)),
	}
	if in.Policy.Domain != "" {
		variables["PERCH_URL"] = literal(in.url())
	}
	for name := range in.Settings.Buckets {
		variables[bucketVariable(name)] = ref(BucketID(name))
	}
	switch {
	case in.sharesDatabase():
		variables["DATABASE_HOST"] = literal(in.Application.DatabaseHost)
		variables["DATABASE_PORT"] = literal(in.Application.DatabasePort)
		variables["DATABASE_NAME"] = literal(in.Environment.DatabaseName())
		variables["DATABASE_USER"] = literal(in.Environment.DatabaseName())
	case in.Settings.Database != nil:
		variables["DATABASE_HOST"] = getAtt{DatabaseID, "Endpoint.Address"}
		variables["DATABASE_PORT"] = getAtt{DatabaseID, "Endpoint.Port"}
		variables["DATABASE_NAME"] = literal(databaseName)
		variables["DATABASE_USER"] = literal(databaseUser)
	}
	return variables
}

// ownSecrets returns references to the database's password. A reference is the secret's ARN
// followed by one of its keys (AWS docs: Fetching secrets to Elastic Beanstalk environment
// variables; Docker platforms of January 13, 2026 and later).
func (in EnvironmentInput) ownSecrets() map[string]value {
	if in.Settings.Database == nil {
		return map[string]value{}
	}
	id := databaseSecretID
	if in.sharesDatabase() {
		id = SharedSecretID
	}
	return map[string]value{"DATABASE_PASSWORD": sub("${" + id + "}:password")}
}

// containerPort returns the port on which the app listens in its container.
func containerPort(settings perch.Settings) string {
	if port, err := strconv.Atoi(settings.Environment[portVariable]); err == nil && port > 0 && port < 1<<16 {
		return strconv.Itoa(port)
	}
	return defaultPort
}
