package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"planb/activities"
)

// Queue is a task queue that is looked at.
type Queue struct {
	Name string
	Type enumspb.TaskQueueType
}

// ControlQueues are those of `planb control`.
func ControlQueues() []Queue {
	return []Queue{
		{activities.ControlQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW},
		{activities.ControlQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY},
		{activities.NoticesQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	}
}

// StorageQueues are those of a storage server.
func StorageQueues(server string) []Queue {
	return []Queue{
		{activities.StorageQueue(server), enumspb.TASK_QUEUE_TYPE_ACTIVITY},
		{activities.PullQueue(server), enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	}
}

// LastPoll gives when a worker last asked one of queues for work, by the clock of
// Temporal; the zero time when none did within the last minutes.
func LastPoll(ctx context.Context, c client.Client, namespace string, queues ...Queue) (last time.Time, err error) {
	for _, q := range queues {
		d, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: namespace, TaskQueue: &taskqueue.TaskQueue{Name: q.Name}, TaskQueueType: q.Type,
		})
		if err != nil {
			return last, err
		}
		for _, p := range d.GetPollers() {
			if at := p.GetLastAccessTime().AsTime(); at.After(last) {
				last = at
			}
		}
	}
	return last, nil
}

// QueueMetrics collects how many tasks wait in queues, and for how long.
type QueueMetrics struct {
	Client    client.Client
	Namespace string
	Queues    []Queue
	Log       *slog.Logger
}

var (
	queueDepth = prometheus.NewDesc("planb_queue_tasks", "Tasks that wait in the queue, about.", []string{"queue", "type"}, nil)
	queueAge   = prometheus.NewDesc("planb_queue_age_seconds", "How long the oldest of them has waited.", []string{"queue", "type"}, nil)
	temporalUp = prometheus.NewDesc("planb_temporal_up", "1 when Temporal answered this scrape.", nil, nil)
)

// queueTimeout bounds one look at all queues, below Prometheus's own limit.
const queueTimeout = 3 * time.Second

// Describe implements prometheus.Collector.
func (m QueueMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- queueDepth
	out <- queueAge
	out <- temporalUp
}

// Collect implements prometheus.Collector. Queues that Temporal does not tell of
// are left out.
func (m QueueMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), queueTimeout)
	defer cancel()
	stats := make([]*taskqueue.TaskQueueStats, len(m.Queues))
	errs := make([]error, len(m.Queues))
	var wg sync.WaitGroup
	for i, q := range m.Queues {
		wg.Go(func() { stats[i], errs[i] = m.look(ctx, q) })
	}
	wg.Wait()
	up := 1.0
	for i, q := range m.Queues {
		if errs[i] != nil {
			up = 0
			m.Log.Warn("metrics lack a queue", "queue", q.Name, "error", errs[i])
			continue
		}
		kind := "activity"
		if q.Type == enumspb.TASK_QUEUE_TYPE_WORKFLOW {
			kind = "workflow"
		}
		gauge := func(d *prometheus.Desc, v float64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, q.Name, kind)
		}
		gauge(queueDepth, float64(stats[i].GetApproximateBacklogCount()))
		gauge(queueAge, stats[i].GetApproximateBacklogAge().AsDuration().Seconds())
	}
	out <- prometheus.MustNewConstMetric(temporalUp, prometheus.GaugeValue, up)
}

func (m QueueMetrics) look(ctx context.Context, q Queue) (*taskqueue.TaskQueueStats, error) {
	d, err := m.Client.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: m.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: q.Name}, TaskQueueType: q.Type, ReportStats: true,
	})
	return d.GetStats(), err
}
