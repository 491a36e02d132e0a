package cloudformation

import "time"

// past returns a service with the stacks as they were at a time. The caller holds the lock.
func (s *Service) past(at time.Time) *Service {
	old := &Service{config: s.config, now: s.now, stacks: map[string]*stack{}}
	for id, st := range s.stacks {
		if was := st.at(at); was != nil {
			old.stacks[id] = was
		}
	}
	return old
}

// at returns the stack with the status, the reason and the outputs from a time; nil if it did not
// exist then.
func (st *stack) at(instant time.Time) *stack {
	was := *st
	was.Status = ""
	for _, e := range st.Events {
		if e.PhysicalID == st.ID && !e.Time.After(instant) {
			was.Status, was.Reason, was.ReasonAt = e.Status, e.Reason, e.Time
		}
	}
	if was.Status == "" {
		return nil
	}
	if was.live() {
		was.Deleted = time.Time{}
	}
	if st.OutputsAt.After(instant) {
		was.Outputs = st.Earlier
	}
	return &was
}

// setOutputs replaces the stack's outputs.
func (s *Service) setOutputs(st *stack, outputs []output) {
	st.Earlier, st.Outputs, st.OutputsAt = st.Outputs, outputs, s.now()
}
