package services

import (
	"encoding/json"
	"strings"
)

// punctuation are the punctuation characters of a generated password (AWS docs:
// GenerateSecretString).
const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// generateSecret generates the value of a secret according to its GenerateSecretString: a password,
// alone or in a JSON object.
func generateSecret(p properties) (string, error) {
	password, err := generatePassword(p)
	if err != nil {
		return "", err
	}
	template, key := p.text("SecretStringTemplate"), p.text("GenerateStringKey")
	if template == "" && key == "" {
		return password, nil
	}
	object := map[string]any{}
	if template == "" || key == "" || json.Unmarshal([]byte(template), &object) != nil {
		return "", invalidRequest(
			secretsManager, "SecretStringTemplate must be a JSON object and needs GenerateStringKey.",
		)
	}
	object[key] = password
	body, err := json.Marshal(object)
	return string(body), err
}

func generatePassword(p properties) (string, error) {
	length, excluded := p.number("PasswordLength", 32), p.text("ExcludeCharacters")
	if length < 1 || length > 4096 {
		return "", invalidRequest(secretsManager, "1 validation error detected: Value '%d' at 'passwordLength' "+
			"failed to satisfy constraint: Member must have value between 1 and 4096", length)
	}
	groups := passwordGroups(p, excluded)
	all := strings.Join(groups, "")
	if all == "" {
		return "", invalidRequest(
			secretsManager, "You excluded all characters; a password needs at least one type of them.",
		)
	}
	every := !strings.EqualFold(p.text("RequireEachIncludedType"), "false")
	for {
		password := randomText(all, length)
		if !every || length < len(groups) || containsEach(password, groups) {
			return password, nil
		}
	}
}

// passwordGroups returns the characters of each included group, without the characters in excluded.
func passwordGroups(p properties, excluded string) []string {
	var groups []string
	for _, group := range [][2]string{
		{"ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"}, {"ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{"ExcludeNumbers", "0123456789"}, {"ExcludePunctuation", punctuation},
	} {
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(excluded, r) {
				return -1
			}
			return r
		}, group[1])
		if !p.flag(group[0]) && left != "" {
			groups = append(groups, left)
		}
	}
	if p.flag("IncludeSpace") {
		groups = append(groups, " ")
	}
	return groups
}

func containsEach(password string, groups []string) bool {
	for _, group := range groups {
		if !strings.ContainsAny(password, group) {
			return false
		}
	}
	return true
}
