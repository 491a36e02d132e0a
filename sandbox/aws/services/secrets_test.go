package services

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"pgregory.net/rapid"
)

func (a *account) secretString(id string) string {
	a.t.Helper()
	out, err := secretsmanager.NewFromConfig(a.aws).GetSecretValue(
		a.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)},
	)
	if err != nil {
		a.t.Fatal(err)
	}
	return aws.ToString(out.SecretString)
}

func generateProperties(p map[string]any) map[string]any {
	return map[string]any{"GenerateSecretString": p}
}

func TestAGeneratedSecretIsAttachedToItsDatabase(t *testing.T) {
	a := newAccount(t, Config{})
	state, r := a.createReady(typeSecret, "Secret", generateProperties(map[string]any{
		"SecretStringTemplate": `{"username":"perch"}`, "GenerateStringKey": "password", "PasswordLength": 30,
		"ExcludeCharacters": `"@/\`,
	}))
	if !regexp.MustCompile(`^arn:aws:secretsmanager:eu-central-1:123456789012:secret:Secret-abcdefghij12-[A-Za-z]{6}$`).
		MatchString(state.ID) {
		t.Fatalf("Ref = %s", state.ID)
	}
	diff(t, state.Attributes, map[string]string{"Id": state.ID})
	db, _ := a.createReady(typeDatabase, "Database", databaseProperties())
	attached, attachment := a.createReady(
		typeAttachment, "Attachment",
		map[string]any{"SecretId": state.ID, "TargetId": db.ID, "TargetType": typeDatabase},
	)
	diff(t, attached.ID, state.ID)

	var value map[string]any
	if err := json.Unmarshal([]byte(a.secretString(state.ID)), &value); err != nil {
		t.Fatal(err)
	}
	password, _ := value["password"].(string)
	if len(password) != 30 || strings.ContainsAny(password, `"@/\`) {
		t.Fatalf("password %q", password)
	}
	diff(t, value, map[string]any{
		"username": "perch", "password": password, "engine": "postgres", "host": db.Attributes["Endpoint.Address"],
		"port":   5432.0,
		"dbname": "app", "dbInstanceIdentifier": db.ID,
	})
	for key, want := range map[string]string{"password": password, "port": "5432"} {
		if got, err := a.service.Resolve("resolve:secretsmanager:" + state.ID + ":SecretString:" + key); err != nil ||
			got != want {
			t.Errorf("resolve %s = %q, %v", key, got, err)
		}
	}
	if err := a.remove(attachment); err != nil {
		t.Fatal(err)
	}
	if text := a.secretString(state.ID); strings.Contains(text, "host") || !strings.Contains(text, "perch") {
		t.Fatalf("after the attachment: %s", text)
	}
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	_, err := secretsmanager.NewFromConfig(a.aws).DescribeSecret(
		t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(state.ID)},
	)
	diff(t, code(err), "ResourceNotFoundException")
}

func TestGeneratedPasswordsFollowTheirRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		length := rapid.IntRange(4, 80).Draw(rt, "length")
		excluded := rapid.StringMatching(`[a-zA-Z0-9!-/]{0,10}`).Draw(rt, "excluded")
		p := properties{
			"PasswordLength": length, "ExcludeCharacters": excluded,
			"ExcludePunctuation": rapid.Bool().Draw(rt, "plain"),
		}
		password, err := generatePassword(p)
		if err != nil {
			rt.Fatal(err)
		}
		if len(password) != length || excluded != "" && strings.ContainsAny(password, excluded) ||
			!containsEach(password, passwordGroups(p, excluded)) {
			rt.Fatalf("password %q", password)
		}
		if p.flag("ExcludePunctuation") && strings.ContainsAny(password, punctuation) {
			rt.Fatalf("password %q has punctuation", password)
		}
	})
}

func TestAnUpdateKeepsAGeneratedSecret(t *testing.T) {
	a := newAccount(t, Config{})
	state, r := a.createReady(typeSecret, "Secret", generateProperties(map[string]any{}))
	before := a.secretString(state.ID)
	r.Properties = generateProperties(map[string]any{"PasswordLength": 12})
	if _, err := a.service.Handlers()[typeSecret].Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	diff(t, a.secretString(state.ID), before)
}

func TestSecretsAreFoundByNameAndShortARN(t *testing.T) {
	a := newAccount(t, Config{})
	state, _ := a.createReady(typeSecret, "Secret", map[string]any{"Name": "shop/preview", "SecretString": "value"})
	for _, id := range []string{"shop/preview", state.ID, state.ID[:len(state.ID)-7]} {
		diff(t, a.secretString(id), "value")
	}
}

func TestSecretErrorsHaveSecretsManagersMessages(t *testing.T) {
	tests := []struct {
		name, sentence string
		properties     map[string]any
	}{
		{
			"value and generator", "You can't specify both",
			map[string]any{"SecretString": "x", "GenerateSecretString": map[string]any{"PasswordLength": 3}},
		},
		{"too long", "between 1 and 4096", generateProperties(map[string]any{"PasswordLength": 5000})},
		{
			"template without key", "must be a JSON object and needs GenerateStringKey",
			generateProperties(map[string]any{"SecretStringTemplate": "{}"}),
		},
		{"no characters left", "You excluded all characters", generateProperties(map[string]any{
			"ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludeNumbers": true, "ExcludePunctuation": true,
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := newAccount(t, Config{}).tryCreate(request(typeSecret, "Secret", test.properties))
			wantError(t, err, test.sentence)
		})
	}
}

func TestDynamicReferencesToMissingValuesAreErrors(t *testing.T) {
	a := newAccount(t, Config{})
	a.createReady(typeSecret, "Secret", map[string]any{"Name": "json", "SecretString": `{"a":"b"}`})
	a.createReady(typeParameter, "Parameter", map[string]any{"Name": "/shop/size", "Type": "String", "Value": "5"})
	if got, err := a.service.Resolve("resolve:ssm:/shop/size:1"); err != nil || got != "5" {
		t.Fatalf("parameter = %q, %v", got, err)
	}
	for reference, sentence := range map[string]string{
		"resolve:secretsmanager:nope":                "can't find the specified secret",
		"resolve:secretsmanager:json:SecretString:c": "Could not find a value associated with JSONKey",
		"resolve:ssm:/shop/nope":                     "Parameters: [ssm:/shop/nope] cannot be found.",
		"resolve:ssm:/shop/size:2":                   "Parameters: [ssm:/shop/size:2] cannot be found.",
		"resolve:ssm-secure:/shop/size": "Secure ssm-secure prefix was used for non-secure " +
			"parameter /shop/size",
		"resolve:secretsmanager:json:SecretString:a:AWSPREVIOUS": "can't find the specified secret value for staging " +
			"label: AWSPREVIOUS",
		"resolve:vault:x": "Incorrect format is used",
	} {
		_, err := a.service.Resolve(reference)
		wantError(t, err, sentence)
	}
}
