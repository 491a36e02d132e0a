package application

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/database"
	"perch/activities/pulse"
	"perch/activities/stack"
	"perch/cfn"
	"perch/lifecycle"
)

// secretPatience is how long a stack's operation may take to create the secret. Nothing else in the
// template comes first.
const secretPatience = 3 * time.Minute

// Databases creates and drops an environment's database in the instance that environments share. It
// reads passwords in the worker, so that no input, result or error contains one.
type Databases struct {
	apps     *Stacks
	secrets  *secretsmanager.Client
	interval time.Duration
}

// NewDatabases returns the Databases of the account of cfg. interval is the pause between two
// requests while Ensure waits.
func NewDatabases(cfg aws.Config, apps *Stacks, interval time.Duration) *Databases {
	return &Databases{apps, secretsmanager.NewFromConfig(cfg), interval}
}

// Ensure creates the environment's database and its user as soon as the stack has their password.
// That is seconds after the stack's operation began, and minutes before an instance of the app
// starts. If the operation ends without a secret, Ensure creates nothing and returns no error,
// because AwaitStack reports why the operation failed.
func (d *Databases) Ensure(ctx context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	beats, stop := pulse.Start(
		ctx,
		perch.Progress{Status: "WAITING_FOR_SECRET", Resource: cfn.SharedSecretID, Since: time.Now().UTC()},
	)
	defer stop()
	outputs, err := d.find(ctx, in)
	if err != nil {
		return contract.DatabaseResult{}, err
	}
	if outputs.DatabaseHost == "" {
		return contract.DatabaseResult{}, awserr.Final(
			perch.ErrorInvalid,
			"the application stack has no shared database: set `shared_database` in the policy and run `perch "+
				"application up`",
		)
	}
	if _, err := d.apps.reader.OwnStack(ctx, contract.StackInput(in)); err != nil {
		return contract.DatabaseResult{}, err
	}
	secret, err := d.await(ctx, in.StackID)
	if err != nil || secret == "" {
		return contract.DatabaseResult{}, err
	}
	beats.Set(
		perch.Progress{Status: "MAKING_DATABASE", Resource: in.Environment.DatabaseName(), Since: time.Now().UTC()},
	)
	stack, err := d.apps.reader.DescribeStack(ctx, contract.StackInput(in))
	if err != nil {
		return contract.DatabaseResult{}, err
	}
	password, err := d.password(ctx, secret)
	if err != nil {
		return contract.DatabaseResult{}, err
	}
	server, err := d.connect(ctx, outputs)
	if err != nil {
		return contract.DatabaseResult{}, err
	}
	defer server.Close()
	if err := server.Ensure(
		ctx, in.Environment.DatabaseName(), database.MarkOf(stack.StackID, stack.Kind), password,
	); err != nil {
		return contract.DatabaseResult{}, err
	}
	return contract.DatabaseResult{Made: true}, nil
}

// Drop drops the environment's database, and its user with everything that the user owns. It is not
// an error if these do not exist, or if the application stack has no shared database.
func (d *Databases) Drop(ctx context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	beats, stop := pulse.Start(ctx, perch.Progress{Status: "DROPPING_DATABASE", Since: time.Now().UTC()})
	defer stop()
	outputs, err := d.find(ctx, in)
	if err != nil || outputs.DatabaseHost == "" {
		return contract.DatabaseResult{}, err
	}
	if err := d.unused(ctx, in.Environment); err != nil {
		return contract.DatabaseResult{}, err
	}
	beats.Set(
		perch.Progress{Status: "DROPPING_DATABASE", Resource: in.Environment.DatabaseName(), Since: time.Now().UTC()},
	)
	server, err := d.connect(ctx, outputs)
	if err != nil {
		return contract.DatabaseResult{}, err
	}
	defer server.Close()
	return contract.DatabaseResult{}, server.Drop(ctx, in.Environment.DatabaseName())
}

// unused returns an error while the environment exists: its database may be dropped only after its
// stack is deleted.
func (d *Databases) unused(ctx context.Context, environment perch.Environment) error {
	described, found, err := d.apps.reader.Describe(ctx, environment.StackName())
	if err != nil || !found {
		return err
	}
	status := string(described.StackStatus) // The stack may have another name of the repository in its tags.
	if stack.Tags(described)[perch.TagProject] == environment.Project && status != stack.Deleted {
		return awserr.Final(perch.ErrorInvalid, "stack %s is %s and uses database %s, which was not changed",
			environment.StackName(), status, environment.DatabaseName())
	}
	return nil
}

// Remains returns the names of the environment's database and user, if they still exist in the
// shared instance.
func (d *Databases) Remains(ctx context.Context, environment perch.Environment) ([]string, error) {
	outputs, err := d.find(ctx, contract.DatabaseInput{Environment: environment})
	if err != nil || outputs.DatabaseHost == "" {
		return nil, err
	}
	server, err := d.connect(ctx, outputs)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	name := environment.DatabaseName()
	there, user, err := server.Remains(ctx, name)
	if err != nil {
		return nil, err
	}
	var left []string
	if there {
		left = append(left, contract.SharedDatabase(name))
	}
	if user {
		left = append(left, "user "+name+" in the shared instance")
	}
	return left, nil
}

// find returns what the application stack says about the shared database; nothing if there is no
// such stack. Only staging's application stack has one.
func (d *Databases) find(ctx context.Context, in contract.DatabaseInput) (cfn.ApplicationOutputs, error) {
	if err := d.apps.reader.Serves(in.Environment.Project); err != nil {
		return cfn.ApplicationOutputs{}, err
	}
	_, found, err := d.apps.reader.Describe(ctx, perch.ApplicationStackName(in.Environment.Project, perch.KindStaging))
	if err != nil || !found {
		return cfn.ApplicationOutputs{}, err
	}
	outputs, err := d.apps.Outputs(ctx, perch.KindStaging)
	return outputs, err
}

// await waits until the stack's secret is created. arn is empty if the stack's operation ends
// without a secret, or takes too long. Just after the operation began, CloudFormation may still
// show the stack's old state.
func (d *Databases) await(ctx context.Context, stackID string) (arn string, err error) {
	for began := time.Now(); time.Since(began) < secretPatience; {
		out, err := d.apps.cfn.DescribeStackResource(
			ctx,
			&cloudformation.DescribeStackResourceInput{
				StackName:         &stackID,
				LogicalResourceId: aws.String(cfn.SharedSecretID),
			},
		)
		switch {
		case awserr.UnknownStack(err): // AWS also answers this if the stack does not have the resource yet.
			stack, found, err := d.apps.reader.Describe(ctx, stackID)
			over := !found || !lifecycle.InProgress(string(stack.StackStatus))
			if err != nil || over && time.Since(began) >= d.apps.reader.StaleReads {
				return "", err
			}
		case err != nil:
			return "", awserr.Wrap(err, "look for the database's secret in stack %s", stackID)
		default:
			status := string(out.StackResourceDetail.ResourceStatus)
			if strings.HasPrefix(status, "DELETE_") || strings.HasSuffix(status, "_FAILED") {
				return "", nil
			}
			if strings.HasSuffix(status, "_COMPLETE") {
				return aws.ToString(out.StackResourceDetail.PhysicalResourceId), nil
			}
		}
		if err := pulse.Linger(ctx, d.interval); err != nil {
			return "", err
		}
	}
	return "", nil
}

// connect logs in to the shared instance as its master user.
func (d *Databases) connect(ctx context.Context, outputs cfn.ApplicationOutputs) (*database.Server, error) {
	password, err := d.password(ctx, outputs.DatabaseSecret)
	if err != nil {
		return nil, err
	}
	return database.Connect(ctx, database.Login{
		Host: outputs.DatabaseHost, Port: outputs.DatabasePort, User: cfn.SharedDatabaseUser, Password: password,
		Clients: outputs.DatabaseClients,
	})
}

// password reads the key `password` of a secret.
func (d *Databases) password(ctx context.Context, arn string) (string, error) {
	out, err := d.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return "", awserr.Wrap(err, "read secret %s", arn)
	}
	var value struct{ Password string }
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &value) != nil || value.Password == "" {
		return "", awserr.Final(perch.ErrorInvalid, "secret %s holds no JSON object with a password", arn)
	}
	return value.Password, nil
}
