package cloudformation

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

type tag struct{ Key, Value string }

type givenParameter struct {
	key, value  string
	usePrevious bool
}

// definition is what a creation, an update or a change set submits.
type definition struct {
	Body string
	// Description and NoEcho (the names of hidden parameters) are copied from the template, so that
	// a listing need not parse it again.
	Description string
	NoEcho      []string
	Parameters  map[string]string
	// Fetched has the values of dynamic references of the kind ssm from when the operation began.
	Fetched          map[string]string
	Tags             []tag
	Capabilities     []string
	NotificationARNs []string
	RoleARN          string
}

// stack is everything that the endpoint stores about one stack, including the operation in
// progress. It is what persist.go saves.
type stack struct {
	ID, Name       string
	Definition     definition
	Status, Reason string
	// ReasonAt is when Reason was set, because "User Initiated" is only shown for a second.
	ReasonAt                  time.Time
	Created, Updated, Deleted time.Time
	Protected                 bool
	DisableRollback           bool
	Timeout                   int
	DeletionMode              string
	ChangeSet                 string
	Outputs                   []output
	// Earlier are the outputs before OutputsAt.
	Earlier        []output
	OutputsAt      time.Time
	LastOperations []lastOperation
	// Tokens has the client request tokens used so far, and the input of each.
	Tokens     map[string]usedToken
	Resources  map[string]*resourceState
	Events     []event
	ChangeSets []*changeSet
	// Operation is the operation in progress; nil in a stable status.
	Operation *operation
}

type lastOperation struct{ Type, ID string }

type usedToken struct{ Operation, Input string }

type output struct{ Key, Value, Description, Export string }

// resourceState is one resource of a stack.
type resourceState struct {
	LogicalID, Type, PhysicalID string
	Status, Reason              string
	Changed                     time.Time
	// Started is when the service began its creation, update or deletion.
	Started    time.Time
	Properties map[string]any
	// Shown has the properties as the API shows them: in JSON, with NoEcho parameters masked.
	Shown      string
	Attributes map[string]string
	// Needs are the resources that were created before it, because it depends on them.
	Needs []string
	// Policy is the deletion policy, or the update-replace policy of a resource that has been
	// replaced.
	Policy string
	// Suffix is the random part of its generated names.
	Suffix string
	// Operation is the last operation that changed it.
	Operation string
	Metadata  string
}

type event struct {
	ID, Operation, LogicalID, PhysicalID, Type string
	Time                                       time.Time
	Status, Reason, Shown, Token               string
}

// phase is the part of an operation that is in progress. After a restart, the operation continues
// with it.
type phase string

const (
	creating        phase = "create"
	updating        phase = "update"
	cleaning        phase = "cleanup"
	undoingCreate   phase = "rollback-create"
	undoingUpdate   phase = "rollback-update"
	undoingCleaning phase = "rollback-cleanup"
	deleting        phase = "delete"
)

// operation is a creation, update or deletion in progress.
type operation struct {
	ID, Token string
	Phase     phase
	// OnFailure is the action if a creation fails: ROLLBACK, DELETE or DO_NOTHING.
	OnFailure string
	// Previous and Before are the definition and the resources from before an update.
	Previous definition
	Before   map[string]*resourceState
	// Garbage are physical resources that the cleanup after an update deletes.
	Garbage []*resourceState
	// Restored are the logical ids that a rollback has finished.
	Restored map[string]bool
	// Skip are the logical ids that a rollback leaves as they are, and Retain those that a deletion
	// leaves.
	Skip, Retain []string
	Force        bool
	// Former is the state to which the stack returns if its deletion is cancelled. It is nil once
	// resources are deleted, or if the deletion interrupts another operation.
	Former *former
	// Deadline is when a creation that takes too long is ended; zero if there is no limit.
	Deadline time.Time
}

// former is a stack's state before a deletion.
type former struct {
	Status    string
	Deleted   time.Time
	Operation *operation
}

// live reports whether the stack can be found by its name.
func (st *stack) live() bool { return st.Status != "DELETE_COMPLETE" }

func inProgress(status string) bool { return strings.HasSuffix(status, "_IN_PROGRESS") }

// set changes the stack's status and adds an event.
func (s *Service) set(st *stack, status, reason string) {
	now := s.now()
	st.Status, st.Reason, st.ReasonAt = status, reason, now
	id, err := uuid.NewUUID()
	if err != nil {
		id = uuid.New()
	}
	e := event{
		ID: id.String(), LogicalID: st.Name, PhysicalID: st.ID, Type: StackType, Time: now, Status: status,
		Reason: reason,
	}
	if st.Operation != nil {
		e.Operation, e.Token = st.Operation.ID, st.Operation.Token
	}
	st.Events = append(st.Events, e)
	s.touch(st)
}

// tell changes a resource's status and adds an event. During the cleanup after an update, events
// have other statuses and show no properties.
func (s *Service) tell(st *stack, r *resourceState, status, reason string) {
	now := s.now()
	r.Status, r.Reason, r.Changed = status, reason, now
	e := event{
		ID: r.LogicalID + "-" + status + "-" + timestamp(now), LogicalID: r.LogicalID, PhysicalID: r.PhysicalID,
		Type: r.Type,
		Time: now, Status: status, Reason: reason, Shown: r.Shown,
	}
	if op := st.Operation; op != nil {
		e.Operation, e.Token = op.ID, op.Token
		if op.Phase == cleaning || op.Phase == undoingCleaning {
			e.ID, e.Shown = r.LogicalID+"-"+uuid.NewString(), ""
		}
	}
	st.Events = append(st.Events, e)
	s.touch(st)
}

// begin starts op as the stack's operation and records it as a last operation. A rollback is added
// to the operation that it undoes; any other operation starts a new list.
func (st *stack) begin(op *operation, kind string) {
	st.Operation = op
	last := lastOperation{Type: kind, ID: op.ID}
	if kind == "ROLLBACK" || kind == "CONTINUE_ROLLBACK" {
		st.LastOperations = append([]lastOperation{last}, st.LastOperations...)
		return
	}
	st.LastOperations = []lastOperation{last}
}

// timestamp formats a time as CloudFormation does: in UTC, with milliseconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// suffix returns the random part of the names that an operation generates for a resource.
func suffix(operation, logicalID string) string {
	sum := sha256.Sum256([]byte(operation + "/" + logicalID))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}

// tags returns the tags of one resource: the stack's, and CloudFormation's own.
func (st *stack) tags(logicalID string) map[string]string {
	out := map[string]string{
		"aws:cloudformation:stack-id":   st.ID,
		"aws:cloudformation:stack-name": st.Name,
		"aws:cloudformation:logical-id": logicalID,
	}
	for _, t := range st.Definition.Tags {
		out[t.Key] = t.Value
	}
	return out
}

func (st *stack) changeSet(nameOrID string) *changeSet {
	i := slices.IndexFunc(st.ChangeSets, func(c *changeSet) bool {
		return c.ID == nameOrID || c.Name == nameOrID && !c.executed()
	})
	if i < 0 {
		return nil
	}
	return st.ChangeSets[i]
}
