package client_test

import (
	"context"
	"log"
	"net"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"

	"perch"
)

// readyAtOnce is a Temporal whose runs find every environment ready at once. The tests of
// sandbox/run use the client with a real server, which takes long to link.
type readyAtOnce struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

// startTemporal starts a readyAtOnce on a free port of 127.0.0.1.
func startTemporal() (address string, stop func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, readyAtOnce{})
	go func() { _ = server.Serve(listener) }() // Until it is stopped.
	return listener.Addr().String(), server.Stop
}

// GetSystemInfo answers the first call of a connection.
func (readyAtOnce) GetSystemInfo(
	context.Context, *workflowservice.GetSystemInfoRequest,
) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

// SignalWithStartWorkflowExecution takes a request.
func (readyAtOnce) SignalWithStartWorkflowExecution(
	context.Context, *workflowservice.SignalWithStartWorkflowExecutionRequest,
) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	return &workflowservice.SignalWithStartWorkflowExecutionResponse{RunId: "run"}, nil
}

// GetWorkflowExecutionHistory returns the last event of a run that has carried out the request.
func (readyAtOnce) GetWorkflowExecutionHistory(
	context.Context, *workflowservice.GetWorkflowExecutionHistoryRequest,
) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	result, err := converter.GetDefaultDataConverter().ToPayloads(perch.Result{
		Goal: perch.GoalUp, Outcome: perch.OutcomeReady, Commit: "3f786850e387550fdab836ed7e6dc881de23001b",
		URL: "https://feature-login-pr5rby.shop.example.com",
	})
	if err != nil {
		return nil, err
	}
	event := completion(result)
	return &workflowservice.GetWorkflowExecutionHistoryResponse{
		History: &historypb.History{Events: []*historypb.HistoryEvent{event}},
	}, nil
}

func completion(result *commonpb.Payloads) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{
				Result: result,
			},
		},
	}
}
