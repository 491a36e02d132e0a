package services

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// record is one resource of any type.
type record struct {
	// Type is CloudFormation's type, and ID the physical id. Together they are unique.
	Type string
	ID   string
	// Name is the resource's name in its service. Two resources with the same type and scope cannot
	// have the same name.
	Name string
	// Scope identifies the parent within which Name must be unique, such as an application or a
	// VPC.
	Scope string
	ARN   string
	// Owner identifies the Create request of the resource, so that a repeated Create returns the
	// same resource.
	Owner string
	// Stack is the name of the stack that created the resource, and Logical its logical id in that
	// stack.
	Stack   string
	Logical string
	// Properties are the properties in the template, with resolved references.
	Properties properties
	Tags       map[string]string
	// Attributes are the values of Fn::GetAtt. Hidden has other values of the service, which
	// templates cannot read.
	Attributes map[string]string
	Hidden     map[string]string
	// Status and Health are the service's values, such as Ready and Green.
	Status  string
	Health  string
	Created time.Time
	Updated time.Time
	// Retained has the options that an environment had before its last update. They still apply if
	// the update left them out.
	Retained options
	// Until is when the operation in progress ends, even if no caller waits for it; zero if the end
	// is unknown.
	Until time.Time
	// Ended is when the resource was deleted, for types that listings still show after that.
	Ended time.Time
}

// isDeleted reports whether the resource was deleted, so that only listings still show it.
func (r *record) isDeleted() bool { return !r.Ended.IsZero() }

// state is everything that survives a restart.
type state struct {
	Records []*record
	// Sets are the record sets of all hosted zones.
	Sets []recordSet
	// Events are Elastic Beanstalk's events, oldest first.
	Events []event
	// Commands are Run Command's commands, oldest first.
	Commands []command
	// Logs has the content of log groups, by the group's name.
	Logs map[string]*groupLog `json:",omitempty"`
	// Sessions are the sessions from AssumeRole, oldest first.
	Sessions []session
}

// findByID returns the resource of a type by its physical id, or nil.
func (s *Service) findByID(kind, id string) *record {
	for _, rec := range s.state.Records {
		if rec.Type == kind && rec.ID == id && !rec.isDeleted() {
			return rec
		}
	}
	return nil
}

// findByName returns the resource of a type by its name, or nil. It ignores case.
func (s *Service) findByName(kind, name string) *record {
	for _, rec := range s.recordsOf(kind) {
		if strings.EqualFold(rec.Name, name) {
			return rec
		}
	}
	return nil
}

// findByReference returns the resource of a type by its name, id or ARN, or nil.
func (s *Service) findByReference(kind, reference string) *record {
	for _, rec := range s.recordsOf(kind) {
		if rec.ID == reference || rec.ARN == reference || strings.EqualFold(rec.Name, reference) {
			return rec
		}
	}
	return nil
}

// recordsOf returns the resources of a type, oldest first.
func (s *Service) recordsOf(kind string) []*record {
	var found []*record
	for _, rec := range s.state.Records {
		if rec.Type == kind && !rec.isDeleted() {
			found = append(found, rec)
		}
	}
	return found
}

// deleteRecord deletes a resource. The tagging API still lists it for some time.
func (s *Service) deleteRecord(rec *record) {
	s.rememberTags(rec)
	s.state.Records = slices.DeleteFunc(s.state.Records, func(other *record) bool { return other == rec })
}

func (s *Service) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + s.config.Region + ":" + s.config.Account + ":" + resource
}

func (s *Service) stateFile() string { return filepath.Join(s.config.Dir, "services.json") }

func (s *Service) loadState() error {
	defer s.addDefaultResources()
	if s.config.Dir == "" {
		return nil
	}
	body, err := os.ReadFile(s.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state of the sandbox's services: %w", err)
	}
	if err := json.Unmarshal(body, &s.state); err != nil {
		return fmt.Errorf(
			"read state of the sandbox's services in %s: %w; remove the file to begin again", s.stateFile(), err,
		)
	}
	return nil
}

// saveState writes the state to a new file and renames that over the old one, so that a crash
// leaves a complete file.
func (s *Service) saveState() error {
	if s.config.Dir == "" {
		return nil
	}
	body, err := json.Marshal(s.state)
	if err != nil {
		return fmt.Errorf("write state of the sandbox's services: %w", err)
	}
	if err := os.MkdirAll(s.config.Dir, 0o700); err != nil {
		return fmt.Errorf("write state of the sandbox's services: %w", err)
	}
	next := s.stateFile() + ".next"
	if err := os.WriteFile(next, body, 0o600); err != nil {
		return fmt.Errorf("write state of the sandbox's services: %w", err)
	}
	if err := os.Rename(next, s.stateFile()); err != nil {
		return fmt.Errorf("write state of the sandbox's services: %w", err)
	}
	return nil
}

// addDefaultResources adds the resources that every account has to an empty account.
func (s *Service) addDefaultResources() {
	if len(s.state.Records) > 0 {
		return
	}
	now := s.config.Now().UTC()
	s.state.Records = append(s.state.Records,
		&record{
			Type: typeSecurityGroup, ID: DefaultSecurityGroup, Name: "default", Scope: VPC, Created: now,
			Properties: properties{"GroupDescription": "default VPC security group", "VpcId": VPC},
			Attributes: map[string]string{"GroupId": DefaultSecurityGroup, "VpcId": VPC},
		},
		&record{
			Type: typeHostedZone, ID: HostedZone, Name: HostedZoneName, Created: now,
			Attributes: map[string]string{"Id": HostedZone},
		},
	)
	s.state.Sets = append(s.state.Sets, apexSets(HostedZone, HostedZoneName)...)
}

const (
	lowerDigits = "abcdefghijklmnopqrstuvwxyz0123456789"
	hexDigits   = "0123456789abcdef"
	mixedCase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	upperDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// randomText returns n random characters of alphabet, each equally likely. alphabet has at most 128
// characters.
func randomText(alphabet string, n int) string {
	text := make([]byte, 0, n)
	buffer := make([]byte, 4*n+16)
	limit := 256 - 256%len(alphabet)
	for len(text) < n {
		_, _ = rand.Read(buffer)
		for _, b := range buffer {
			if int(b) < limit && len(text) < n {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}

// mergeTags returns the tags of both maps. If both have a key, the value is that of more.
func mergeTags(tags, more map[string]string) map[string]string {
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}
