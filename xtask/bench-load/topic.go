package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const leaderPoll = 20 * time.Millisecond

func create(ctx context.Context, l *load) (*report, error) {
	client, err := l.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 60_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic = l.topic
	topic.NumPartitions = int32(l.partitions)
	topic.ReplicationFactor = 1
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, topic := range answer.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			return nil, err
		}
	}
	for {
		ready, err := serving(ctx, client, l.topic, l.partitions)
		if err != nil {
			return nil, err
		}
		if ready == l.partitions {
			return &report{}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d partitions are served: %w", ready, l.partitions, ctx.Err())
		case <-time.After(leaderPoll):
		}
	}
}

// serving counts the partitions whose leader answers: Metadata may name one before it does, and the
// first records would then fail.
func serving(ctx context.Context, client *kgo.Client, name string, partitions int) (int, error) {
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = name
	for index := range partitions {
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition = int32(index)
		partition.Timestamp = -1
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	// The one broker is the leader of all; a sharded request would wait for metadata to agree.
	answer, err := request.RequestWith(ctx, client.SeedBrokers()[0])
	if err != nil {
		return 0, err
	}
	count := 0
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if partition.ErrorCode == 0 {
				count++
			}
		}
	}
	return count, nil
}

func remove(ctx context.Context, l *load) (*report, error) {
	client, err := l.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.TimeoutMillis = 60_000
	request.TopicNames = []string{l.topic}
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &l.topic
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, topic := range answer.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			return nil, err
		}
	}
	return &report{}, nil
}
