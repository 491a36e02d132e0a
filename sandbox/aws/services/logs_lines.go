package services

import (
	"slices"
	"time"
)

const (
	// engineLog is the platform's log on an instance. appLog is the output of all containers, as
	// `docker compose logs` prints it. A Docker platform streams both logs (Beanstalk guide,
	// "Instance log streaming").
	engineLog = "/var/log/eb-engine.log"
	appLog    = "/var/log/eb-docker/containers/eb-current-app/stdouterr.log"

	nsLogStreams = "aws:elasticbeanstalk:cloudwatch:logs"
)

var streamedLogs = []string{engineLog, appLog}

func logGroupOf(env *record, log string) string { return "/aws/elasticbeanstalk/" + env.Name + log }

// streamLogs creates the log groups of an environment that streams its logs, and writes the lines
// that its instances log during a launch or an update.
func (s *Service) streamLogs(env *record, launched bool) {
	failure := env.Hidden["failure"]
	delete(env.Hidden, "failure")
	if s.options(env).value(nsLogStreams, "StreamLogs") != "true" {
		return
	}
	for _, log := range streamedLogs {
		if name := logGroupOf(env, log); s.findByName(typeLogGroup, name) == nil {
			s.addLogGroup(name, nil)
		}
	}
	for _, instance := range instances(env) {
		s.writeLog(logGroupOf(env, engineLog), instance, engineLines(s.config.Now(), launched, failure))
		s.writeLog(logGroupOf(env, appLog), instance, appLines(env, failure))
	}
}

// FailDeployment makes the instances of an environment log the failure of the launch or update in
// progress.
func (s *Service) FailDeployment(name, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if env := s.findByName(typeEnvironment, name); env != nil {
		env.Hidden["failure"] = reason
	}
}

// engineLines returns the last lines of eb-engine.log after a deployment.
func engineLines(now time.Time, launched bool, failure string) []string {
	steps := []string{
		"[INFO] Engine received EB command cfn-hup-exec",
		"[INFO] Executing instruction: RunAppDeployPreDeployHooks",
		"[INFO] Executing instruction: Docker Specific Run Docker Application",
		"[INFO] Running command: docker compose up -d",
	}
	if launched {
		steps[0] = "[INFO] Engine received EB command app-deploy --first-deploy"
	}
	if failure == "" {
		steps = append(steps, "[INFO] Engine command app-deploy succeeded")
	} else {
		steps = append(steps, "[ERROR] An error occurred during execution of command [app-deploy] - "+
			"[Docker Specific Run Docker Application]. Stop running the command. Error: "+failure)
	}
	steps = append(steps, "[INFO] Platform Engine finished execution on command: app-deploy")
	for i := range steps {
		steps[i] = now.UTC().Format("2006/01/02 15:04:05.000000 ") + steps[i]
	}
	return steps
}

// appLines returns the lines that the app's container logs after a deployment, whether it starts or
// fails.
func appLines(env *record, failure string) []string {
	lines := []string{"app-1  | starting version " + env.Properties.text("VersionLabel")}
	if failure != "" {
		return append(lines, "app-1  | fatal: "+failure, "app-1 exited with code 1")
	}
	return append(lines, "app-1  | listening on 0.0.0.0:80")
}

// writeLog adds lines to the stream of an instance.
func (s *Service) writeLog(group, instance string, lines []string) {
	log := s.logOf(group)
	if !slices.Contains(log.Streams, instance) {
		log.Streams = append(log.Streams, instance)
	}
	for _, line := range lines {
		log.addEvent(instance, s.config.Now(), line)
	}
}

// dropLogs deletes the log groups of an environment if its options require that. Otherwise it keeps
// them.
func (s *Service) dropLogs(env *record) {
	if s.options(env).value(nsLogStreams, "DeleteOnTerminate") != "true" {
		return
	}
	for _, log := range streamedLogs {
		if group := s.findByName(typeLogGroup, logGroupOf(env, log)); group != nil {
			s.dropLogGroup(group)
		}
	}
}
