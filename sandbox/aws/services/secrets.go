package services

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"perch/sandbox/aws/resource"
	"perch/sandbox/aws/wire"
)

const (
	typeSecret     = "AWS::SecretsManager::Secret"
	typeAttachment = "AWS::SecretsManager::SecretTargetAttachment"

	secretsManager = "SecretsManager"
)

var secretKinds = map[string]kind{
	typeSecret: {service: secretsManager, nameProperty: "Name", withoutStack: true, prepare: prepareSecret},
	typeAttachment: {
		service: secretsManager, prepare: prepareAttachment, saved: attachSecret, settle: attachSecret,
		finishDelete: detachSecret,
	},
}

func prepareSecret(s *Service, rec *record) error {
	if other := s.findByName(typeSecret, rec.Name); other != nil && other != rec {
		return handlerError(
			secretsManager, http.StatusBadRequest, "AlreadyExists",
			"The operation failed because the secret %s already exists.", rec.Name,
		)
	}
	text, generate := rec.Properties.text("SecretString"), rec.Properties.child("GenerateSecretString")
	switch fresh := rec.ID == ""; {
	case text != "" && generate != nil:
		return invalidRequest(secretsManager, "You can't specify both a secret value and a configuration to "+
			"generate one. Choose one of SecretString and GenerateSecretString.")
	case text != "":
		rec.Hidden["value"] = text
	case fresh && generate != nil:
		value, err := generateSecret(generate)
		if err != nil {
			return err
		}
		rec.Hidden["value"] = value
	}
	if rec.ID == "" {
		rec.ARN = s.arn("secretsmanager", "secret:"+rec.Name+"-"+randomText(mixedCase, 6))
		rec.ID, rec.Attributes["Id"], rec.Hidden["version"] = rec.ARN, rec.ARN, uuid.NewString()
	}
	return nil
}

// attachmentKeys are the keys that an attachment adds to a secret.
var attachmentKeys = []string{"engine", "host", "port", "dbname", "dbInstanceIdentifier"}

func prepareAttachment(s *Service, rec *record) error {
	secret := s.findByReference(typeSecret, rec.Properties.text("SecretId"))
	if secret == nil {
		return handlerError(
			secretsManager, http.StatusNotFound, "NotFound", "Secrets Manager can't find the specified secret.",
		)
	}
	target, kind := rec.Properties.text("TargetId"), rec.Properties.text("TargetType")
	if kind != typeDatabase || s.findByName(typeDatabase, target) == nil {
		return invalidRequest(secretsManager, "The target %s of type %s could not be found", target, kind)
	}
	var object map[string]any
	if json.Unmarshal([]byte(secret.Hidden["value"]), &object) != nil {
		return invalidRequest(
			secretsManager,
			"The secret's value is not a JSON object, so the target's details cannot be added to it",
		)
	}
	rec.ID = secret.ARN
	return nil
}

// attachSecret writes the database's details into the secret.
func attachSecret(s *Service, rec *record) {
	db := s.findByName(typeDatabase, rec.Properties.text("TargetId"))
	if db == nil {
		return
	}
	details := map[string]any{
		"engine": db.propertyOf("Engine"), "host": db.Attributes["Endpoint.Address"],
		"port":                 parseInt(db.Attributes["Endpoint.Port"]),
		"dbInstanceIdentifier": db.Name,
	}
	if name := db.propertyOf("DBName"); name != "" {
		details["dbname"] = name
	}
	s.rewriteSecret(rec.ID, func(object map[string]any) { maps.Copy(object, details) })
}

func detachSecret(s *Service, rec *record, _ resource.Request) {
	s.rewriteSecret(rec.ID, func(object map[string]any) {
		for _, key := range attachmentKeys {
			delete(object, key)
		}
	})
	s.deleteRecord(rec)
}

// rewriteSecret changes the JSON object in a secret. The result is a new version.
func (s *Service) rewriteSecret(arn string, edit func(map[string]any)) {
	secret := s.findByID(typeSecret, arn)
	if secret == nil {
		return
	}
	object := map[string]any{}
	if json.Unmarshal([]byte(secret.Hidden["value"]), &object) != nil {
		return
	}
	edit(object)
	body, err := json.Marshal(object)
	if err != nil {
		return
	}
	secret.Hidden = maps.Clone(secret.Hidden)
	secret.Hidden["value"], secret.Hidden["version"] = string(body), uuid.NewString()
	secret.Updated = s.config.Now().UTC()
}

var secretActions = map[string]jsonAction{
	"CreateSecret":   createSecret,
	"DeleteSecret":   deleteSecret,
	"DescribeSecret": describeSecret,
	"GetSecretValue": getSecretValue,
}

// createSecret creates a secret that belongs to no stack.
func createSecret(s *Service, in properties) (any, error) {
	now := s.config.Now().UTC()
	secret := &record{
		Type: typeSecret, Name: in.text("Name"), Created: now, Updated: now,
		Properties: properties{"SecretString": in.text("SecretString")},
		Tags:       in.tags(), Attributes: map[string]string{}, Hidden: map[string]string{},
	}
	if secret.Name == "" {
		return nil, wire.Errorf(
			http.StatusBadRequest, "ValidationException",
			"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
		)
	}
	if err := prepareSecret(s, secret); err != nil {
		return nil, wire.Errorf(
			http.StatusBadRequest, "ResourceExistsException",
			"The operation failed because the secret %s already exists.", secret.Name,
		)
	}
	s.state.Records = append(s.state.Records, secret)
	return map[string]any{"ARN": secret.ARN, "Name": secret.Name, "VersionId": secret.Hidden["version"]}, s.saveState()
}

// secret returns the secret with a name, an ARN, or an ARN without its random suffix of seven
// characters.
func (s *Service) secret(reference string) (*record, error) {
	for _, secret := range s.recordsOf(typeSecret) {
		if secret.Name == reference || secret.ARN == reference || secret.ARN[:len(secret.ARN)-7] == reference {
			return secret, nil
		}
	}
	return nil, wire.Errorf(
		http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.",
	)
}

func getSecretValue(s *Service, in properties) (any, error) {
	secret, err := s.secret(in.text("SecretId"))
	if err != nil {
		return nil, err
	}
	if secret.Hidden[deletionKey] != "" {
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidRequestException",
			"You can't perform this operation on the secret because it was marked for deletion.")
	}
	version, stage := in.text("VersionId"), in.textOr("VersionStage", "AWSCURRENT")
	value, ok := secret.Hidden["value"]
	if !ok || stage != "AWSCURRENT" || version != "" && version != secret.Hidden["version"] {
		return nil, wire.Errorf(
			http.StatusBadRequest, "ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for staging label: %s", stage,
		)
	}
	return map[string]any{
		"ARN": secret.ARN, "Name": secret.Name, "VersionId": secret.Hidden["version"], "SecretString": value,
		"VersionStages": []string{"AWSCURRENT"}, "CreatedDate": epoch(secret.Updated),
	}, nil
}

func describeSecret(s *Service, in properties) (any, error) {
	secret, err := s.secret(in.text("SecretId"))
	if err != nil {
		return nil, err
	}
	entry := secretEntry(secret)
	entry["VersionIdsToStages"] = entry["SecretVersionsToStages"]
	delete(entry, "SecretVersionsToStages")
	return entry, nil
}

func secretEntry(secret *record) map[string]any {
	entry := map[string]any{
		"ARN": secret.ARN, "Name": secret.Name, "Tags": tagObjects(secret.Tags),
		"CreatedDate": epoch(secret.Created), "LastChangedDate": epoch(secret.Updated),
		"SecretVersionsToStages": map[string][]string{secret.Hidden["version"]: {"AWSCURRENT"}},
	}
	if deleted, err := strconv.ParseInt(secret.Hidden[deletionKey], 10, 64); err == nil {
		entry["DeletedDate"] = deleted
	}
	if description := secret.Properties.text("Description"); description != "" {
		entry["Description"] = description
	}
	return entry
}

// withToken adds the token of the next page if there is one.
func withToken(out map[string]any, key, token string) map[string]any {
	if token != "" {
		out[key] = token
	}
	return out
}

func tagObjects(tags map[string]string) []map[string]string {
	objects := []map[string]string{}
	for _, tag := range sortedTags(tags) {
		objects = append(objects, map[string]string{"Key": tag[0], "Value": tag[1]})
	}
	return objects
}
