package main

import (
	"fmt"
	"math/rand/v2"
)

// payloadSeed makes every run write the same bytes.
const payloadSeed = 20260101

// payloads builds values that look like shop events: text that compresses about four to one.
func payloads(count, size int) [][]byte {
	random := rand.New(rand.NewPCG(payloadSeed, uint64(size)))
	values := make([][]byte, count)
	for i := range values {
		value := make([]byte, 0, size+256)
		for len(value) < size {
			value = fmt.Appendf(value,
				`{"customer":%d,"session":"%016x","page":"/catalogue/%d/%d","price_cents":%d,"currency":"EUR","agent":"desktop"}`,
				random.IntN(1_000_000), random.Uint64(), random.IntN(200), random.IntN(10_000), random.IntN(100_000))
		}
		values[i] = value[:size]
	}
	return values
}
