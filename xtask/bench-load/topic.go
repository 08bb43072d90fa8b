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
		ready, err := led(ctx, client, l.topic)
		if err != nil {
			return nil, err
		}
		if ready == l.partitions {
			return &report{}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d partitions have a leader: %w", ready, l.partitions, ctx.Err())
		case <-time.After(leaderPoll):
		}
	}
}

// led counts the partitions with a leader.
func led(ctx context.Context, client *kgo.Client, topic string) (int, error) {
	request := kmsg.NewPtrMetadataRequest()
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = &topic
	request.Topics = append(request.Topics, wanted)
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if partition.ErrorCode == 0 && partition.Leader >= 0 {
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
