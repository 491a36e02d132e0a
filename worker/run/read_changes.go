package run

import (
	"sync/atomic"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"perch"
)

// changeWatch is an interceptor that counts the ends of runs that may have changed something. Each
// such end makes this worker's cached answers obsolete. So a client that has waited for a run can
// read its effects. The effects of a run that ends at another worker become visible within readAge.
type changeWatch struct {
	interceptor.InterceptorBase
	changes *atomic.Int64
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (w *changeWatch) InterceptWorkflow(
	_ workflow.Context, next interceptor.WorkflowInboundInterceptor,
) interceptor.WorkflowInboundInterceptor {
	return &watchedRun{interceptor.WorkflowInboundInterceptorBase{Next: next}, w.changes}
}

type watchedRun struct {
	interceptor.WorkflowInboundInterceptorBase
	changes *atomic.Int64
}

// ExecuteWorkflow counts the end of a run, unless the run only reads.
func (r *watchedRun) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := r.Next.ExecuteWorkflow(ctx, in)
	if !workflow.IsReplaying(ctx) && !onlyReads(workflow.GetInfo(ctx).WorkflowType.Name) {
		r.changes.Add(1)
	}
	return result, err
}

// onlyReads reports whether runs of the workflow type change nothing.
func onlyReads(workflowType string) bool {
	switch workflowType {
	case perch.WorkflowList, perch.WorkflowStatus, perch.WorkflowPlan, perch.WorkflowDoctor, perch.WorkflowHistory:
		return true
	}
	return false
}
