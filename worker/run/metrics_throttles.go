package run

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// countThrottles makes every client of cfg count the throttling errors. It runs inside the SDK's
// retries, which hide these errors.
func (m *metrics) countThrottles(cfg aws.Config) aws.Config {
	counter := middleware.FinalizeMiddlewareFunc("CountThrottles", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleFinalize(ctx, in)
		var answer smithy.APIError
		if errors.As(err, &answer) {
			if _, throttled := retry.DefaultThrottleErrorCodes[answer.ErrorCode()]; throttled {
				m.throttles.WithLabelValues(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)).Inc()
			}
		}
		return out, metadata, err
	})
	cfg = cfg.Copy()
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Add(counter, middleware.After)
	})
	return cfg
}
