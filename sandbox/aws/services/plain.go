package services

import "strings"

// plainKinds are the types that only need a name and attributes, so that stacks can contain them.
var plainKinds = map[string]kind{
	typeLogGroup: {
		service: "CloudWatchLogs", nameProperty: "LogGroupName", limit: 512, prepare: prepareLogGroup,
	},
	"AWS::SNS::Topic":       {service: "Sns", nameProperty: "TopicName", limit: 256, prepare: prepareTopic},
	"AWS::SNS::TopicPolicy": {service: "Sns"},
	"AWS::SQS::Queue":       {service: "Sqs", nameProperty: "QueueName", limit: 80, prepare: prepareQueue},
	"AWS::SQS::QueuePolicy": {service: "Sqs"},
}

func prepareLogGroup(s *Service, rec *record) error {
	rec.ARN = s.arn("logs", "log-group:"+rec.Name)
	rec.Attributes["Arn"] = rec.ARN + ":*"
	return nil
}

func prepareTopic(s *Service, rec *record) error {
	rec.ARN = s.arn("sns", rec.Name)
	rec.ID = rec.ARN
	rec.Attributes["TopicArn"], rec.Attributes["TopicName"] = rec.ARN, rec.Name
	return nil
}

func prepareQueue(s *Service, rec *record) error {
	if rec.Properties.flag("FifoQueue") && !strings.HasSuffix(rec.Name, ".fifo") {
		if rec.Properties.text("QueueName") != "" {
			return invalidRequest("Sqs", "The name of a FIFO queue can only include alphanumeric characters, "+
				"hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
		}
		rec.Name += ".fifo"
	}
	rec.ARN = s.arn("sqs", rec.Name)
	rec.ID = "https://sqs." + s.config.Region + ".amazonaws.com/" + s.config.Account + "/" + rec.Name
	if s.config.Loopback {
		rec.ID = "http://localhost/" + s.config.Account + "/" + rec.Name
	}
	rec.Attributes["Arn"], rec.Attributes["QueueName"], rec.Attributes["QueueUrl"] = rec.ARN, rec.Name, rec.ID
	return nil
}
