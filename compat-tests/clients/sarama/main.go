// The compatibility contract (compat-tests/README.md) for sarama.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"thalweg.example/compat/contract"
)

func main() {
	contract.Run("github.com/IBM/sarama", map[string]func(contract.Options) error{
		"create": create, "produce": produce, "consume": consume, "member": member,
	})
}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	return config
}

func create(options contract.Options) error {
	admin, err := sarama.NewClusterAdmin([]string{options["bootstrap"]}, settings())
	if err != nil {
		return err
	}
	defer admin.Close()
	for topic, partitions := range options.Topics() {
		detail := &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}
		if err := admin.CreateTopic(topic, detail, false); err != nil {
			return err
		}
	}
	return nil
}

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

func produce(options contract.Options) error {
	config := settings()
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Compression = codecs[options["codec"]]
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Return.Successes = true
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	config.Net.MaxOpenRequests = 1 // Its idempotence and its order of retries both ask for this.
	config.Producer.Idempotent = options.Idempotent()
	producer, err := sarama.NewAsyncProducer([]string{options["bootstrap"]}, config)
	if err != nil {
		return err
	}
	failures := make(chan error, 1)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for range producer.Successes() {
			continue // The messages themselves receive their offsets.
		}
	}()
	go func() {
		for failed := range producer.Errors() {
			select {
			case failures <- failed:
			default:
			}
		}
		close(failures)
	}()
	var messages []*sarama.ProducerMessage
	err = contract.EachInput(options["topic"], func(input contract.Record) error {
		message := toLibrary(input)
		messages = append(messages, message)
		producer.Input() <- message
		return nil
	})
	producer.AsyncClose()
	<-finished
	if failed := <-failures; failed != nil {
		return failed
	}
	for _, message := range messages {
		contract.Print("%d\t%d", message.Partition, message.Offset)
	}
	return err
}

func consume(options contract.Options) error {
	config := settings()
	config.Consumer.Return.Errors = true
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	consumer, err := sarama.NewConsumer([]string{options["bootstrap"]}, config)
	if err != nil {
		return err
	}
	messages := make(chan *sarama.ConsumerMessage)
	failures := make(chan error)
	for topic, partitions := range options.Topics() {
		for partition := range partitions {
			claim, err := consumer.ConsumePartition(topic, int32(partition), sarama.OffsetOldest)
			if err != nil {
				return err
			}
			go forward(claim, messages, failures)
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

func forward(claim sarama.PartitionConsumer, messages chan<- *sarama.ConsumerMessage, failures chan<- error) {
	for {
		select {
		case message := <-claim.Messages():
			messages <- message
		case err := <-claim.Errors():
			failures <- err
		}
	}
}

func member(options contract.Options) error {
	config := settings()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	group, err := sarama.NewConsumerGroup([]string{options["bootstrap"]}, options["group"], config)
	if err != nil {
		return err
	}
	leaving, leave := context.WithCancel(context.Background())
	contract.OnLeave(leave)
	for leaving.Err() == nil {
		if err := group.Consume(leaving, []string{options["topic"]}, handler{}); err != nil &&
			!errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "session ended:", err)
		}
	}
	if err := group.Close(); err != nil {
		return err
	}
	contract.Print("left")
	return nil
}

// commitRecords is the number of records that a group member reads between two commits.
const commitRecords = 50

type handler struct{}

func (handler) Setup(session sarama.ConsumerGroupSession) error {
	for _, partitions := range session.Claims() {
		contract.PrintPartitions("assigned", partitions)
	}
	return nil
}

func (handler) Cleanup(session sarama.ConsumerGroupSession) error {
	for _, partitions := range session.Claims() {
		contract.PrintPartitions("revoked", partitions)
	}
	return nil
}

// ConsumeClaim commits without a `committed` line: Commit does not tell whether the broker agreed.
func (handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	uncommitted := 0
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			contract.Print("record\t%s", fromLibrary(message))
			contract.Flush()
			session.MarkMessage(message, "")
			if uncommitted++; uncommitted == commitRecords || len(claim.Messages()) == 0 {
				session.Commit()
				uncommitted = 0
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func toLibrary(input contract.Record) *sarama.ProducerMessage {
	message := &sarama.ProducerMessage{
		Topic: input.Topic, Partition: int32(input.Partition), Timestamp: time.UnixMilli(input.Timestamp),
	}
	// A nil encoder is a null; an encoder of a nil slice would be one by accident.
	if input.Key != nil {
		message.Key = sarama.ByteEncoder(input.Key)
	}
	if input.Value != nil {
		message.Value = sarama.ByteEncoder(input.Value)
	}
	for _, header := range input.Headers {
		message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
	}
	return message
}

func fromLibrary(message *sarama.ConsumerMessage) contract.Record {
	output := contract.Record{
		Topic: message.Topic, Partition: int(message.Partition), Offset: message.Offset,
		Timestamp: message.Timestamp.UnixMilli(), Key: message.Key, Value: message.Value,
	}
	for _, header := range message.Headers {
		output.Headers = append(output.Headers, contract.Header{Name: string(header.Key), Value: header.Value})
	}
	return output
}
