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
	// Scope is the scope in which Name must be unique: an application, a VPC.
	Scope string
	ARN   string
	// Owner identifies the creation of the resource, so that a repeated Create finds it.
	Owner string
	// Stack is the name of the stack that created it, and Logical its logical id there.
	Stack   string
	Logical string
	// Properties are the resolved properties in the template.
	Properties properties
	Tags       map[string]string
	// Attributes are the values of Fn::GetAtt. Hidden has further values of the service, which
	// templates never see.
	Attributes map[string]string
	Hidden     map[string]string
	// Status and Health have the service's words.
	Status  string
	Health  string
	Created time.Time
	Updated time.Time
	// Retained are the options of an environment that an update has left out.
	Retained options
	// Until is when the operation in progress ends, even if no caller waits for it; zero if that is
	// unknown.
	Until time.Time
	// Ended is when the resource was removed, for types that listings still show afterwards.
	Ended time.Time
}

// gone reports whether the resource was removed, and only listings still show it.
func (r *record) gone() bool { return !r.Ended.IsZero() }

// state is everything that is stored across a restart.
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

// find returns the resource of a type by its physical id, or nil.
func (s *Service) find(kind, id string) *record {
	for _, rec := range s.state.Records {
		if rec.Type == kind && rec.ID == id && !rec.gone() {
			return rec
		}
	}
	return nil
}

// named returns the resource of a type by its name, or nil. It ignores case, which no service
// distinguishes.
func (s *Service) named(kind, name string) *record {
	for _, rec := range s.of(kind) {
		if strings.EqualFold(rec.Name, name) {
			return rec
		}
	}
	return nil
}

// known returns the resource of a type by its name, id or ARN, or nil.
func (s *Service) known(kind, reference string) *record {
	for _, rec := range s.of(kind) {
		if rec.ID == reference || rec.ARN == reference || strings.EqualFold(rec.Name, reference) {
			return rec
		}
	}
	return nil
}

// of returns the resources of a type, oldest first.
func (s *Service) of(kind string) []*record {
	var found []*record
	for _, rec := range s.state.Records {
		if rec.Type == kind && !rec.gone() {
			found = append(found, rec)
		}
	}
	return found
}

// drop deletes a resource. The tagging API still lists it for some time.
func (s *Service) drop(rec *record) {
	s.rememberTags(rec)
	s.state.Records = slices.DeleteFunc(s.state.Records, func(other *record) bool { return other == rec })
}

func (s *Service) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + s.config.Region + ":" + s.config.Account + ":" + resource
}

func (s *Service) file() string { return filepath.Join(s.config.Dir, "services.json") }

func (s *Service) load() error {
	defer s.furnish()
	if s.config.Dir == "" {
		return nil
	}
	body, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state of the sandbox's services: %w", err)
	}
	if err := json.Unmarshal(body, &s.state); err != nil {
		return fmt.Errorf(
			"read state of the sandbox's services in %s: %w; remove the file to begin again", s.file(), err,
		)
	}
	return nil
}

// save writes the state to a new file and renames that over the old one, so that a crash leaves a
// complete file.
func (s *Service) save() error {
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
	next := s.file() + ".next"
	if err := os.WriteFile(next, body, 0o600); err != nil {
		return fmt.Errorf("write state of the sandbox's services: %w", err)
	}
	if err := os.Rename(next, s.file()); err != nil {
		return fmt.Errorf("write state of the sandbox's services: %w", err)
	}
	return nil
}

// furnish adds to an empty account the resources that every account has.
func (s *Service) furnish() {
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
	s.state.Sets = append(s.state.Sets, apex(HostedZone, HostedZoneName)...)
}

const (
	lowerDigits = "abcdefghijklmnopqrstuvwxyz0123456789"
	hexDigits   = "0123456789abcdef"
	mixedCase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	upperDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// random returns n characters of alphabet, which has at most 128. Each character is equally likely.
func random(alphabet string, n int) string {
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

// merged returns a copy of tags, overridden by more.
func merged(tags, more map[string]string) map[string]string {
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}
