package run

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"perch"
	"perch/dial"
)

// ensureSearchAttributes registers the search attributes of runs. It adds only missing ones, so
// that any number of workers may call it.
func ensureSearchAttributes(ctx context.Context, temporal client.Client, namespace string) error {
	operator := temporal.OperatorService()
	have, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if said := dial.Explain(err); said != nil {
		return fmt.Errorf("list search attributes: %w", said)
	}
	if err != nil {
		return fmt.Errorf("list search attributes of namespace %s: %w", namespace, err)
	}
	missing := map[string]enums.IndexedValueType{}
	for _, name := range perch.SearchAttributes() {
		if _, ok := have.GetCustomAttributes()[name]; !ok {
			missing[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(
		ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing},
	)
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf(
			"register search attributes in namespace %s: %w; register the keywords %v by hand", namespace, err,
			perch.SearchAttributes(),
		)
	}
	return nil
}
