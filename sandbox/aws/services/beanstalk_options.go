package services

import (
	"maps"
	"slices"
	"strconv"

	"perch/sandbox/aws/wire"
)

// retainOptions keeps the values of options that an update leaves out: "If you remove any options
// during a stack update, the removed options retain their current values" (AWS docs:
// AWS::ElasticBeanstalk::Environment, OptionSettings).
func retainOptions(s *Service, rec *record) { rec.Retained = s.options(rec) }

// callUpdateEnvironment handles the API call, which updates an environment without its stack. It
// supports only the removal of options.
func callUpdateEnvironment(s *Service, f form) ([]wire.Node, error) {
	env, err := s.environment(f)
	if err != nil {
		return nil, err
	}
	if err := mustBeReady(env); err != nil {
		return nil, beanstalkInvalid("%s", err.Error())
	}
	for n := 1; ; n++ {
		prefix := "OptionsToRemove.member." + strconv.Itoa(n) + "."
		namespace, name := f.Get(prefix+"Namespace"), f.Get(prefix+"OptionName")
		if name == "" {
			break
		}
		env.removeOption(namespace, name)
	}
	env.Status, env.Health, env.Until = "Updating", "Grey", s.config.Now().UTC()
	s.addEvent(env, "INFO", "Environment update is starting.")
	return s.environmentNodes(env), s.saveState()
}

// removeOption deletes an option from the retained options and from the properties.
func (r *record) removeOption(namespace, name string) {
	r.Retained = slices.DeleteFunc(
		slices.Clone(r.Retained),
		func(o option) bool { return o.Namespace == namespace && o.Name == name },
	)
	var kept []any
	for _, setting := range r.Properties.children("OptionSettings") {
		if setting.text("Namespace") != namespace || setting.text("OptionName") != name {
			kept = append(kept, map[string]any(setting))
		}
	}
	r.Properties = maps.Clone(r.Properties)
	r.Properties["OptionSettings"] = kept
}
