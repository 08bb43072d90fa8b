// The compatibility contract (compat-tests/README.md) for segmentio/kafka-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"thalweg.example/compat/contract"
)

// commitRecords is the number of records that a group member reads between two commits.
const commitRecords = 50

func main() {
	contract.Run("github.com/segmentio/kafka-go", map[string]func(contract.Options) error{
		"create": create, "produce": produce, "consume": consume, "member": member,
	})
}

func create(options contract.Options) error {
	client := &kafka.Client{Addr: kafka.TCP(options["bootstrap"]), Timeout: 10 * time.Second}
	request := &kafka.CreateTopicsRequest{}
	for topic, partitions := range options.Topics() {
		request.Topics = append(request.Topics,
			kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1})
	}
	response, err := client.CreateTopics(context.Background(), request)
	if err != nil {
		return err
	}
	for topic, err := range response.Errors {
		if err != nil {
			return fmt.Errorf("create %s: %w", topic, err)
		}
	}
	return nil
}

var codecs = map[string]kafka.Compression{
	"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
}

// place says where a message shall go and where it went.
type place struct {
	partition int
	offset    int64
}

// manual lets the message choose its partition: the writer refuses one in the message itself.
func manual(message kafka.Message, _ ...int) int {
	return message.WriterData.(*place).partition
}

func produce(options contract.Options) error {
	var mutex sync.Mutex
	var failure error
	writer := &kafka.Writer{
		Addr: kafka.TCP(options["bootstrap"]), Topic: options["topic"], Balancer: kafka.BalancerFunc(manual),
		RequiredAcks: kafka.RequireAll, Compression: codecs[options["codec"]], Async: true,
		BatchSize: 1000, BatchTimeout: 10 * time.Millisecond, MaxAttempts: 3,
		Completion: func(messages []kafka.Message, err error) {
			mutex.Lock()
			defer mutex.Unlock()
			failure = errors.Join(failure, err)
			for _, message := range messages {
				message.WriterData.(*place).offset = message.Offset
			}
		},
	}
	var places []*place
	err := contract.EachInput(options["topic"], func(input contract.Record) error {
		message := kafka.Message{Key: input.Key, Value: input.Value, Time: time.UnixMilli(input.Timestamp)}
		for _, header := range input.Headers {
			message.Headers = append(message.Headers, kafka.Header{Key: header.Name, Value: header.Value})
		}
		target := &place{partition: input.Partition}
		message.WriterData = target
		places = append(places, target)
		return writer.WriteMessages(context.Background(), message)
	})
	if err := errors.Join(err, writer.Close(), failure); err != nil {
		return err
	}
	for _, target := range places {
		contract.Print("%d\t%d", target.partition, target.offset)
	}
	return nil
}

func consume(options contract.Options) error {
	messages := make(chan kafka.Message)
	failures := make(chan error)
	for topic, partitions := range options.Topics() {
		for partition := range partitions {
			reader := kafka.NewReader(kafka.ReaderConfig{
				Brokers: []string{options["bootstrap"]}, Topic: topic, Partition: partition,
				MaxBytes: 10e6, MaxWait: 100 * time.Millisecond, MaxAttempts: 3,
			})
			go forward(reader, messages, failures)
		}
	}
	deadline := time.After(time.Until(options.Deadline()))
	for seen := 0; ; {
		select {
		case message := <-messages:
			seen++
			contract.Print("%s", fromLibrary(message))
		case err := <-failures:
			return err
		case <-time.After(500 * time.Millisecond):
			if seen >= options.Count() {
				return nil
			}
		case <-deadline:
			return fmt.Errorf("timed out with %d of %d records", seen, options.Count())
		}
	}
}

func forward(reader *kafka.Reader, messages chan<- kafka.Message, failures chan<- error) {
	for {
		message, err := reader.ReadMessage(context.Background())
		if err != nil {
			failures <- err
			return
		}
		messages <- message
	}
}

func member(options contract.Options) error {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{options["bootstrap"]}, GroupID: options["group"], Topic: options["topic"],
		StartOffset: kafka.FirstOffset, SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond,
		RebalanceTimeout: 6 * time.Second, JoinGroupBackoff: 500 * time.Millisecond, MaxWait: 100 * time.Millisecond,
	})
	leaving, leave := context.WithCancel(context.Background())
	contract.OnLeave(leave)
	var uncommitted []kafka.Message
	for leaving.Err() == nil {
		ctx, cancel := context.WithTimeout(leaving, 100*time.Millisecond)
		message, err := reader.FetchMessage(ctx)
		cancel()
		idle := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
		if err != nil && !idle {
			return err
		}
		if err == nil {
			contract.Print("record\t%s", fromLibrary(message))
			uncommitted = append(uncommitted, message)
		}
		if len(uncommitted) == commitRecords || idle {
			contract.Flush()
			commit(reader, uncommitted)
			uncommitted = nil
		}
	}
	if err := reader.Close(); err != nil {
		return err
	}
	contract.Print("left")
	return nil
}

func commit(reader *kafka.Reader, messages []kafka.Message) {
	if len(messages) == 0 {
		return
	}
	if err := reader.CommitMessages(context.Background(), messages...); err != nil {
		// The partitions moved on: whoever owns them now reads these records again.
		fmt.Fprintln(os.Stderr, "commit refused:", err)
		return
	}
	positions := map[int]int64{}
	for _, message := range messages {
		positions[message.Partition] = message.Offset + 1
	}
	for partition, offset := range positions {
		contract.Print("committed\t%d\t%d", partition, offset)
	}
	contract.Flush()
}

func fromLibrary(message kafka.Message) contract.Record {
	output := contract.Record{
		Topic: message.Topic, Partition: message.Partition, Offset: message.Offset,
		Timestamp: message.Time.UnixMilli(), Key: message.Key, Value: message.Value,
	}
	for _, header := range message.Headers {
		output.Headers = append(output.Headers, contract.Header{Name: header.Key, Value: header.Value})
	}
	return output
}
