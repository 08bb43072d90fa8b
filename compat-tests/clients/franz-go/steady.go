package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"thalweg.example/compat/contract"
)

// Writing and following without an end, whatever happens: the commands that the faults use.

// waitingMax is how many records may wait for their acknowledgement.
const waitingMax = 2000

// timeout of a request: it is given up before a broker that stands still goes on.
const timeout = 4 * time.Second

// watch reports the errors that the library deals with by itself: they are in its log only.
type watch struct{}

var retried = regexp.MustCompile(`retrying@-?\d+,\d+\((\w+)`)

func (watch) Level() kgo.LogLevel { return kgo.LogLevelDebug }

func (watch) Log(level kgo.LogLevel, message string, pairs ...any) {
	for _, value := range pairs {
		switch value := value.(type) {
		case error:
			// What this program cancels itself, when it ends a wait, is no error.
			if level <= kgo.LogLevelInfo && !errors.Is(value, context.Canceled) {
				saw(value)
			}
		case string:
			if message == "produced" {
				for _, match := range retried.FindAllStringSubmatch(value, -1) {
					contract.Print("saw\t%s", match[1])
				}
			}
		}
	}
}

func saw(err error) { contract.Print("saw\t%s", nameOf(err)) }

func nameOf(err error) string {
	var told *kerr.Error
	var late interface{ Timeout() bool }
	switch {
	case errors.As(err, &told):
		return told.Message
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &late) && late.Timeout():
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection closed"
	default:
		return err.Error()
	}
}

func write(options contract.Options) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(options["bootstrap"]),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProduceRequestTimeout(timeout),
		kgo.RequestTimeoutOverhead(timeout),
		kgo.WithLogger(watch{}),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	leaving, leave := context.WithCancel(context.Background())
	contract.OnLeave(leave)
	var waiting atomic.Int64
	number := 0
	for leaving.Err() == nil {
		for range 10 {
			if waiting.Load() >= waitingMax {
				break
			}
			waiting.Add(1)
			send(client, options, number, &waiting)
			number++
		}
		contract.Flush()
		time.Sleep(50 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.Flush(ctx); err != nil {
		return err
	}
	contract.Print("sent\t%d", number)
	return nil
}

func send(client *kgo.Client, options contract.Options, number int, waiting *atomic.Int64) {
	record := &kgo.Record{
		Topic: options["topic"], Partition: int32(number % options.Partitions()),
		Key: []byte(strconv.Itoa(number)), Value: contract.SteadyValue(number),
	}
	client.Produce(context.Background(), record, func(record *kgo.Record, err error) {
		waiting.Add(-1)
		if err != nil {
			contract.Print("failed\t%d\t%s", number, nameOf(err))
			return
		}
		contract.Print("acknowledged\t%d\t%d\t%d", number, record.Partition, record.Offset)
	})
}

func follow(options contract.Options) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(options["bootstrap"]),
		kgo.ConsumerGroup(options["group"]),
		kgo.ConsumeTopics(options["topic"]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.RequestTimeoutOverhead(timeout),
		kgo.WithLogger(watch{}),
	)
	if err != nil {
		return err
	}
	leaving, leave := context.WithCancel(context.Background())
	contract.OnLeave(leave)
	for leaving.Err() == nil {
		ctx, cancel := context.WithTimeout(leaving, 100*time.Millisecond)
		fetches := client.PollRecords(ctx, 200)
		cancel()
		for _, failed := range fetches.Errors() {
			if !errors.Is(failed.Err, context.DeadlineExceeded) && !errors.Is(failed.Err, context.Canceled) {
				saw(fmt.Errorf("fetch: %w", failed.Err))
			}
		}
		fetches.EachRecord(func(record *kgo.Record) { contract.Print("record\t%s", fromLibrary(record)) })
		contract.Flush()
		commitWithin(client, fetches.Records())
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
	contract.Print("left")
	return nil
}

// commitWithin gives up when the broker does not answer: what was read is read again then.
func commitWithin(client *kgo.Client, records []*kgo.Record) {
	if len(records) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*timeout)
	defer cancel()
	if err := client.CommitRecords(ctx, records...); err != nil {
		saw(err)
		return
	}
	printCommitted(records)
}
