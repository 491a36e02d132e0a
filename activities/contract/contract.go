// Package contract is what workflows and activities agree on: the inputs and results of every
// activity, and one table that says for each its name, its task queue and its time limits.
//
// Workflows begin an activity by its row and nothing else, so they cannot choose another queue, and
// are not built with the clients that activities use. A worker registers a method for each row, on
// the workers of the row's queue.
package contract

import (
	"reflect"
	"time"

	"perch"
)

// Queue is one of the two task queues of a project.
type Queue string

const (
	// QueueQuick is the queue of runs and of activities that make a few calls.
	QueueQuick Queue = "quick"
	// QueueWaits is the queue of activities that wait. A thousand of them delay nothing else.
	QueueWaits Queue = "waits"
)

// Beside is the queue's name in Temporal, for a run on a project's task queue.
func (q Queue) Beside(taskQueue string) string {
	if q == QueueWaits {
		return taskQueue + perch.WaitQueueSuffix
	}
	return taskQueue
}

// Limits bound one try of an activity, and all its tries together.
type Limits struct {
	Try, Total time.Duration
}

// Nothing is the result of an activity that has none.
type Nothing struct{}

// Activity is a row of the table: an activity with its input and its result.
type Activity[In, Out any] struct {
	name   string
	queue  Queue
	limits Limits
}

// Name is the activity's type in Temporal. It is part of recorded histories.
func (a Activity[In, Out]) Name() string { return a.name }

// Queue is the task queue that the activity runs on.
func (a Activity[In, Out]) Queue() Queue { return a.queue }

// Limits are the activity's time limits.
func (a Activity[In, Out]) Limits() Limits { return a.limits }

// Row is the activity without its types.
func (a Activity[In, Out]) Row() Row {
	return Row{Name: a.name, Queue: a.queue, In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out]()}
}

// within is the activity with other limits.
func (a Activity[In, Out]) within(limits Limits) Activity[In, Out] {
	a.limits = limits
	return a
}

// Row is an activity without its types, for code that ranges over all of them.
type Row struct {
	Name    string
	Queue   Queue
	In, Out reflect.Type
}

var table []Row

// Table lists every activity.
func Table() []Row { return table }

// define enters an activity into the table.
func define[In, Out any](name string, queue Queue, limits Limits) Activity[In, Out] {
	activity := Activity[In, Out]{name: name, queue: queue, limits: limits}
	table = append(table, activity.Row())
	return activity
}
