module thalweg.example/compat/kafka-go

go 1.26.8

require (
	github.com/segmentio/kafka-go v0.4.51
	thalweg.example/compat/contract v0.0.0
)

require (
	github.com/klauspost/compress v1.15.9 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
)

replace thalweg.example/compat/contract => ../go-contract
