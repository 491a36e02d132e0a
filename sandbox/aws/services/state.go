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
	// Type is CloudFormation's type, ID the physical id: together they are unique.
	Type string
	ID   string
	// Name is what the service calls it. Two resources of a type and scope cannot share a name.
	Name string
	// Scope narrows where Name must be unique: an application, a VPC.
	Scope string
	ARN   string
	// Owner is the creation that made it: a repeat of Create finds it again.
	Owner string
	// Stack is the name of the stack that made it, and Logical its logical id there.
	Stack   string
	Logical string
	// Properties are the template's, resolved.
	Properties properties
	Tags       map[string]string
	// Attributes are the values of Fn::GetAtt. Hidden is what the service keeps beside them:
	// templates never see it.
	Attributes map[string]string
	Hidden     map[string]string
	// Status and Health are in the service's words.
	Status  string
	Health  string
	Created time.Time
	Updated time.Time
	// Retained are the options of an environment that an update has left out.
	Retained options
	// Until is when the operation in progress is over, even if no one waits for it; zero if that is
	// not known.
	Until time.Time
	// Ended is when the resource was removed, for those that linger.
	Ended time.Time
}

// gone reports whether the record only lingers in listings.
func (r *record) gone() bool { return !r.Ended.IsZero() }

// state is everything that survives a restart.
type state struct {
	Records []*record
	// Sets are the record sets of all hosted zones.
	Sets []recordSet
	// Events are Elastic Beanstalk's, oldest first.
	Events []event
	// Commands are Run Command's, oldest first.
	Commands []command
	// Logs are what log groups hold, by the group's name.
	Logs map[string]*groupLog `json:",omitempty"`
	// Sessions are the credentials that AssumeRole gave, oldest first.
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

// named returns the resource of a type by its name, or nil. The case of names does not matter to
// any of the services.
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

// of lists the resources of a type, oldest first.
func (s *Service) of(kind string) []*record {
	var found []*record
	for _, rec := range s.state.Records {
		if rec.Type == kind && !rec.gone() {
			found = append(found, rec)
		}
	}
	return found
}

// drop forgets a resource. The tagging API still lists it for some time.
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

// save writes the state to a new file and renames it over the old one, so that a crash leaves one
// of the two.
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

// furnish puts into an account without records what every account has.
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

// random is n characters of alphabet, which has at most 128; each is as likely as the others.
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

// merged is a copy of tags with more over them.
func merged(tags, more map[string]string) map[string]string {
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}
