package activities

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/cfn"
	"perch/sandbox/aws"
	"perch/sandbox/postgrestest"
)

const (
	sharedConfig = "  load_balancer: shared\n  database: {mode: shared}\n"
	loginName    = "perch_shop_login"
)

// sharing is a world whose shared database is a real PostgreSQL.
type sharing struct {
	*world
	server *postgrestest.Server
}

func newSharing(t *testing.T) *sharing {
	t.Helper()
	t.Parallel()
	server := postgrestest.Start(t, postgrestest.Passwords)
	return newSharingAt(t, server, server.Address)
}

// newSharingAt is a world that reaches the shared database at an address.
func newSharingAt(t *testing.T, server *postgrestest.Server, address string) *sharing {
	t.Helper()
	w := newSerialWorld(t, aws.Config{Speed: 1e6, PostgreSQL: address})
	w.policy.SharedDatabase = &perch.SharedDatabase{Version: "16", Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7}
	w.apply()
	s := &sharing{world: w, server: server}
	outputs, err := of[*Applications](w).stacks.Outputs(t.Context(), perch.KindStaging)
	if err != nil {
		t.Fatal(err)
	}
	server.Master(t, cfn.SharedDatabaseUser, s.password(outputs.DatabaseSecret))
	return s
}

func (s *sharing) password(secret string) string {
	s.t.Helper()
	out, err := secretsmanager.NewFromConfig(s.config).GetSecretValue(
		s.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &secret},
	)
	if err != nil {
		s.t.Fatal(err)
	}
	var value struct{ Password string }
	if err := json.Unmarshal([]byte(*out.SecretString), &value); err != nil {
		s.t.Fatal(err)
	}
	return value.Password
}

// commit commits a perch.yaml whose database is shared.
func (s *sharing) commit(branch string) string {
	config := strings.Replace(testConfig, "  load_balancer: shared\n", sharedConfig, 1)
	return s.repo.commit(branch, map[string]string{"perch.yaml": config, "fixtures/media/a.txt": "a"})
}

// raise makes the stack and the database of branch.
func (s *sharing) raise(branch string) contract.DatabaseInput {
	s.t.Helper()
	return s.raiseAt(branch, s.commit(branch))
}

func (s *sharing) raiseAt(branch, commit string) contract.DatabaseInput {
	s.t.Helper()
	if rendered := s.render(branch, commit); !rendered.SharedDatabase {
		s.t.Fatalf("rendered %+v", rendered)
	}
	in := contract.DatabaseInput{Environment: activitytest.Environment("shop", branch), StackID: s.up(branch, commit)}
	s.ensure(in)
	return in
}

func (s *sharing) ensure(in contract.DatabaseInput) {
	s.t.Helper()
	if out := must(s.world, of[*Databases](s.world).EnsureDatabase, in); !out.Made {
		s.t.Fatalf("no database was made for %+v", in)
	}
}

func (s *sharing) drop(in contract.DatabaseInput) {
	s.t.Helper()
	s.deleteByHand(in.StackID)
	must(s.world, of[*Databases](s.world).DropDatabase, in)
}

// deleteByHand deletes a stack without Perch.
func (s *sharing) deleteByHand(stackID string) {
	s.t.Helper()
	if _, err := s.cfn().DeleteStack(s.t.Context(), &cloudformation.DeleteStackInput{StackName: &stackID}); err != nil {
		s.t.Fatal(err)
	}
	s.settle(stackID)
}

// secret is the password of the environment's user, as its instances read it.
func (s *sharing) secret(in contract.DatabaseInput) string {
	s.t.Helper()
	out, err := s.cfn().DescribeStackResource(s.t.Context(), &cloudformation.DescribeStackResourceInput{
		StackName: &in.StackID, LogicalResourceId: sdk.String(cfn.SharedSecretID),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.password(*out.StackResourceDetail.PhysicalResourceId)
}

// login connects as the environment's app would.
func (s *sharing) login(in contract.DatabaseInput, name string) *pgx.Conn {
	s.t.Helper()
	conn, err := s.server.Connect(s.t, name, name, s.secret(in))
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func (s *sharing) exec(conn *pgx.Conn, statement string) {
	s.t.Helper()
	if _, err := conn.Exec(s.t.Context(), statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

func (s *sharing) databases() []string {
	return s.server.Exec(s.t, "SELECT datname FROM pg_database WHERE datname LIKE 'perch%' UNION ALL SELECT rolname "+
		"FROM pg_roles WHERE rolname LIKE 'perch\\_%' ORDER BY 1")
}

func TestAnEnvironmentHasItsDatabaseInTheSharedInstance(t *testing.T) {
	s := newSharing(t)
	in := s.raise("login")
	s.exec(s.login(in, loginName), "CREATE TABLE carts (id int)")
	s.ensure(in)
	s.exec(s.login(in, loginName), "INSERT INTO carts VALUES (1)")

	other := s.raise("feature/search")
	environment, err := perch.NewEnvironment("shop", "feature/search")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.server.Connect(
		t, loginName, environment.DatabaseName(), s.secret(other),
	); err == nil || !strings.Contains(err.Error(), "permission denied for database") {
		t.Errorf("another branch's user logs in to the database: %v", err)
	}
	if len(s.databases()) != 4 {
		t.Errorf("databases and users: %q", s.databases())
	}
}

func TestARecreatedStackHasAnEmptyDatabase(t *testing.T) {
	s := newSharing(t)
	in := s.raise("login")
	s.exec(s.login(in, loginName), "CREATE TABLE carts (id int)")
	must(s.world, of[*Stacks](s.world).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: in.StackID, Token: "gone",
	})
	s.settle(in.StackID)
	s.exec(s.login(s.raise("login"), loginName), "CREATE TABLE carts (id int)")
}

func TestTheDatabaseOfStagingOutlivesItsStack(t *testing.T) {
	s := newSharing(t)
	const name = "perch_shop_staging"
	raise := func() contract.DatabaseInput {
		rendered, token := s.render("staging", s.commit("staging")), "create-"+strconv.Itoa(len(s.databases()))
		in := contract.ChangeInput{
			Environment: activitytest.Environment("shop", "staging"), Kind: perch.KindStaging, Template: rendered.Hash,
			Token: token,
		}
		id := must(s.world, of[*Stacks](s.world).CreateStack, in).StackID
		s.settle(id)
		database := contract.DatabaseInput{Environment: activitytest.Environment("shop", "staging"), StackID: id}
		s.ensure(database)
		return database
	}
	first := raise()
	s.exec(s.login(first, name), "CREATE TABLE carts (id int)")
	_, err := activitytest.Try(of[*Databases](s.world).DropDatabase, first)
	activitytest.WantFinal(
		t, err, perch.ErrorInvalid, "stack shop-staging is CREATE_COMPLETE and uses database perch_shop_staging",
	)

	protection := &cloudformation.UpdateTerminationProtectionInput{
		StackName: &first.StackID, EnableTerminationProtection: sdk.Bool(false),
	}
	if _, err := s.cfn().UpdateTerminationProtection(t.Context(), protection); err != nil {
		t.Fatal(err)
	}
	s.deleteByHand(first.StackID)
	_, err = activitytest.Try(of[*Databases](s.world).DropDatabase, first)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "database perch_shop_staging", "of kind staging", "by hand")
	again := raise()
	s.exec(s.login(again, name), "INSERT INTO carts VALUES (1)")
}

func TestADatabaseIsDroppedWithItsUserAndItsConnections(t *testing.T) {
	s := newSharing(t)
	in := s.raise("login")
	open := s.login(in, loginName)
	s.exec(open, "CREATE TABLE carts (id int)")
	s.server.Exec(t, "CREATE SCHEMA elsewhere AUTHORIZATION "+loginName)
	login, databases := activitytest.Environment("shop", "login"), of[*Databases](s.world)
	left, err := databases.databases.Remains(t.Context(), login)
	if want := []string{
		"database perch_shop_login in the shared instance", "user perch_shop_login in the shared instance",
	}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left %q, %v", left, err)
	}
	s.drop(in)
	if left, err := databases.databases.Remains(t.Context(), login); err != nil || len(left) != 0 {
		t.Errorf("left %q, %v", left, err)
	}
	if got := s.databases(); len(got) != 0 {
		t.Errorf("still there: %q", got)
	}
	if _, err := open.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the app is still connected")
	}
	s.drop(in)
}

func TestTheServersLogHasNoPassword(t *testing.T) {
	s := newSharing(t)
	password, log := s.secret(s.raise("login")), s.server.Log(t)
	if !strings.Contains(log, "ALTER ROLE") || strings.Contains(log, password) {
		t.Errorf("the log of the server:\n%s", log)
	}
}

func TestADatabaseThatPerchDoesNotManageIsLeftAlone(t *testing.T) {
	s := newSharing(t)
	s.server.Exec(t, "CREATE DATABASE "+loginName)
	databases := of[*Databases](s.world)
	in := contract.DatabaseInput{Environment: activitytest.Environment("shop", "login")}
	_, err := activitytest.Try(databases.DropDatabase, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "belongs to user postgres", "not changed")
	in.StackID = s.up("login", s.commit("login"))
	_, err = activitytest.Try(databases.EnsureDatabase, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "belongs to user postgres", "not changed")
}

func TestAStackThatCannotBeSeenYetIsWaitedFor(t *testing.T) {
	s := newSharing(t)
	in := contract.DatabaseInput{
		Environment: activitytest.Environment("shop", "login"), StackID: s.up("login", s.commit("login")),
	}
	s.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStackResource", Code: "ValidationError",
		Message: "Stack 'shop-login' does not exist", Count: 1,
	})
	s.fault(aws.Fault{Stale: 3600, Contains: "shop-login", Count: 1})
	// A wait's last look may meet the stale read instead.
	if _, err := activitytest.Try(of[*Databases](s.world).EnsureDatabase, in); err != nil {
		activitytest.WantRetry(t, err, "not visible yet")
	}
	s.ensure(in)
}

func TestAStackWithoutASecretGetsNoDatabase(t *testing.T) {
	s := newSharing(t)
	of[*Stacks](s.world).StaleReads = 20 * time.Millisecond
	in := contract.DatabaseInput{
		Environment: activitytest.Environment("shop", "login"), StackID: s.bare("shop-login", "login", nil),
	}
	if out := must(s.world, of[*Databases](s.world).EnsureDatabase, in); out.Made {
		t.Errorf("got %+v", out)
	}
	in.StackID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-login/gone"
	_, err := activitytest.Try(of[*Databases](s.world).EnsureDatabase, in)
	activitytest.WantRetry(t, err, "not visible yet")
}

func TestWithoutASharedDatabaseThereIsNothingToDrop(t *testing.T) {
	w := newWorld(t)
	databases := of[*Databases](w)
	in := contract.DatabaseInput{Environment: activitytest.Environment("shop", "login")}
	must(w, databases.DropDatabase, in) // No application stack.
	w.apply()
	must(w, databases.DropDatabase, in)
	_, err := activitytest.Try(databases.EnsureDatabase, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "perch application up")
}

func TestAServerThatCannotBeReachedIsTriedAgain(t *testing.T) {
	w := newSerialWorld(t, aws.Config{Speed: 1e6, PostgreSQL: "127.0.0.1:1"})
	w.policy.SharedDatabase = &perch.SharedDatabase{Version: "16", Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7}
	w.apply()
	_, err := activitytest.Try(
		of[*Databases](w).DropDatabase, contract.DatabaseInput{Environment: activitytest.Environment("shop", "login")},
	)
	activitytest.WantRetry(t, err, "shared database 127.0.0.1:1", "security group sg-")
}

func TestAnEnvironmentWithASharedDatabaseIsNeverSettled(t *testing.T) {
	s := newSharing(t)
	commit := s.commit("login")
	s.raiseAt("login", commit)
	out := must(s.world, of[*Requests](s.world).Admit, contract.AdmitInput{
		Request: perch.Request{Goal: perch.GoalUp, Project: "shop", Branch: "login", Commit: commit},
	})
	if out.Outcome != "" || out.Kind != perch.KindBranch || out.Settled != nil {
		t.Errorf("admitted %+v", out)
	}
}

func TestADatabaseIsRestoredFromASnapshotThatExists(t *testing.T) {
	w, in := whole(t)
	if _, err := rds.NewFromConfig(w.config).CreateDBSnapshot(t.Context(), &rds.CreateDBSnapshotInput{
		DBInstanceIdentifier: &in.Contents.Databases[0], DBSnapshotIdentifier: sdk.String("shop-seed-1"),
	}); err != nil {
		t.Fatal(err)
	}
	config := func(snapshot string) map[string]string {
		return map[string]string{"perch.yaml": strings.Replace(
			testConfig, "shared\n", "shared\n  database: {mode: snapshot, snapshot: "+snapshot+"}\n", 1,
		)}
	}
	id := w.up("reports", w.repo.commit("reports", config("shop-seed-1")))
	if held := must(
		w, of[*Stacks](w).Contents,
		contract.StackInput{Environment: activitytest.Environment("shop", "reports"), StackID: id},
	); len(held.Databases) != 1 {
		t.Errorf("the stack holds %+v", held)
	}
	stacks := of[*Stacks](w)
	commit := w.repo.commit("typo", config("shop-sead-1"))
	out := must(w, stacks.CreateStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "typo"), Kind: perch.KindBranch,
		Template: w.render("typo", commit).Hash, Token: "typo",
	})
	if ended := must(
		w, stacks.AwaitStack, contract.AwaitInput{StackID: out.StackID, Token: "typo"},
	); !strings.Contains(ended.Reason, "DBSnapshot not found: shop-sead-1") {
		t.Errorf("the stack ended in %s: %s", ended.Status, ended.Reason)
	}
}

func TestAnAdmittedRemovalNamesTheSharedDatabase(t *testing.T) {
	w := newWorld(t)
	request := perch.Request{Goal: perch.GoalGone, Project: "shop", Branch: "login"}
	if out := must(w, of[*Requests](w).Admit, contract.AdmitInput{Request: request}); out.SharedDatabase {
		t.Errorf("admitted %+v", out)
	}
	w.policy.SharedDatabase = &perch.SharedDatabase{}
	if out := must(w, of[*Requests](w).Admit, contract.AdmitInput{Request: request}); !out.SharedDatabase {
		t.Errorf("admitted %+v", out)
	}
}
