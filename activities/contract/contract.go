// Package contract defines the interface between workflows and activities. It has the input and
// result of every activity, and a table with each activity's name, task queue and time limits.
//
// Workflows start an activity only by its row in the table. So they cannot choose another queue,
// and they are built without the clients that activities use. A worker registers a method for each
// row, on the queue that the row names.
package contract

import (
	"reflect"
	"time"

	"perch"
)

// Queue is one of the two task queues of a project.
type Queue string

const (
	// QueueQuick is the queue for workflows and for activities that make a few calls.
	QueueQuick Queue = "quick"
	// QueueWaits is the queue for activities that wait. A thousand of them do not delay other
	// activities.
	QueueWaits Queue = "waits"
)

// Beside returns the queue's name in Temporal, given a project's task queue.
func (q Queue) Beside(taskQueue string) string {
	if q == QueueWaits {
		return taskQueue + perch.WaitQueueSuffix
	}
	return taskQueue
}

// Limits are the time limits of an activity: for one attempt, and for all attempts together.
type Limits struct {
	Try, Total time.Duration
}

// Nothing is the result of an activity that returns nothing.
type Nothing struct{}

// Activity is a row of the table: an activity with the types of its input and result.
type Activity[In, Out any] struct {
	name   string
	queue  Queue
	limits Limits
}

// Name returns the activity's type in Temporal. It is recorded in histories, so it must not change.
func (a Activity[In, Out]) Name() string { return a.name }

// Queue returns the task queue that the activity runs on.
func (a Activity[In, Out]) Queue() Queue { return a.queue }

// Limits returns the activity's time limits.
func (a Activity[In, Out]) Limits() Limits { return a.limits }

// Row returns the activity without its type parameters.
func (a Activity[In, Out]) Row() Row {
	return Row{Name: a.name, Queue: a.queue, In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out]()}
}

// within returns the activity with other limits.
func (a Activity[In, Out]) within(limits Limits) Activity[In, Out] {
	a.limits = limits
	return a
}

// Row is an activity without type parameters, for code that iterates over all activities.
type Row struct {
	Name    string
	Queue   Queue
	In, Out reflect.Type
}

var table []Row

// Table lists every activity.
func Table() []Row { return table }

// define adds an activity to the table.
func define[In, Out any](name string, queue Queue, limits Limits) Activity[In, Out] {
	activity := Activity[In, Out]{name: name, queue: queue, limits: limits}
	table = append(table, activity.Row())
	return activity
}
