// The compatibility contract (compat-tests/README.md) for KafkaJS.
'use strict'

const readline = require('node:readline')
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
const SnappyCodec = require('kafkajs-snappy')
const LZ4Codec = require('kafkajs-lz4')
const zstd = require('@bokuweb/zstd-wasm')

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = new LZ4Codec().codec
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(zstd.decompress(buffer)),
})

const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

// Records of one request: the library has no batching of its own.
const BATCH_RECORDS = 500

// Records that a group member reads between two commits.
const COMMIT_RECORDS = 50

const say = (...fields) => process.stdout.write(fields.join('\t') + '\n')
const unhex = field => (field === '-' ? null : Buffer.from(field, 'hex'))
const tohex = data => (data === null || data === undefined ? '-' : Buffer.from(data).toString('hex'))
const topicsOf = options => options.topics.split(',').map(topic => topic.split(':'))

function connection(options) {
  return new Kafka({
    clientId: 'compat-kafkajs',
    brokers: [options.bootstrap],
    logLevel: logLevel.ERROR,
    logCreator: () => ({ log }) => process.stderr.write(JSON.stringify(log) + '\n'),
    retry: { retries: 5 },
  })
}

function version() {
  say(require('kafkajs/package.json').version)
}

async function create(options) {
  const admin = connection(options).admin()
  await admin.connect()
  const topics = topicsOf(options).map(([topic, count]) => ({ topic, numPartitions: Number(count) }))
  await admin.createTopics({ topics, waitForLeaders: true })
  await admin.disconnect()
}

function parse(line) {
  const [partition, timestamp, key, value, headerField] = line.split('\t')
  const headers = {}
  for (const header of headerField.split(',').filter(Boolean)) {
    const [nameHex, dataHex] = header.split(':')
    const name = Buffer.from(nameHex, 'hex').toString()
    const data = unhex(dataHex)
    headers[name] = name in headers ? [].concat(headers[name], [data]) : data
  }
  return { partition: Number(partition), timestamp, key: unhex(key), value: unhex(value), headers }
}

function format(topic, partition, message) {
  const headers = []
  for (const [name, data] of Object.entries(message.headers ?? {})) {
    for (const item of Array.isArray(data) ? data : [data]) {
      headers.push(`${Buffer.from(name).toString('hex')}:${tohex(item)}`)
    }
  }
  const place = [topic, partition, message.offset, message.timestamp]
  return [...place, tohex(message.key), tohex(message.value), headers.join(',')].join('\t')
}

async function produce(options) {
  const idempotent = options.idempotent === 'true'
  const producer = connection(options).producer({ idempotent, maxInFlightRequests: idempotent ? 1 : null })
  await producer.connect()
  let batch = []
  const send = async () => {
    const request = { topic: options.topic, acks: -1, compression: CODECS[options.codec], messages: batch }
    const next = new Map()
    for (const { partition, baseOffset } of await producer.send(request)) {
      next.set(partition, Number(baseOffset))
    }
    for (const { partition } of batch) {
      say(partition, next.get(partition))
      next.set(partition, next.get(partition) + 1)
    }
    batch = []
  }
  for await (const line of readline.createInterface({ input: process.stdin })) {
    batch.push(parse(line))
    if (batch.length === BATCH_RECORDS) await send()
  }
  if (batch.length > 0) await send()
  await producer.disconnect()
}

async function consume(options) {
  // The library reads in groups only: a group of its own, which nobody else ever joins.
  const groupId = `reader-${process.pid}-${Date.now()}`
  const consumer = connection(options).consumer({ groupId, maxWaitTimeInMs: 200 })
  await consumer.connect()
  await consumer.subscribe({ topics: topicsOf(options).map(([topic]) => topic), fromBeginning: true })
  let seen = 0
  let latest = Date.now()
  const failure = new Promise((_resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  })
  await consumer.run({
    partitionsConsumedConcurrently: 4,
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) say(format(batch.topic, batch.partition, message))
      seen += batch.messages.length
      latest = Date.now()
    },
  })
  const deadline = Date.now() + 1000 * Number(options['timeout-s'])
  const idle = () => seen >= Number(options.count) && Date.now() - latest > 500
  while (!idle()) {
    if (Date.now() > deadline) throw new Error(`timed out with ${seen} of ${options.count} records`)
    await Promise.race([failure, new Promise(resolve => setTimeout(resolve, 100))])
  }
  await consumer.disconnect()
}

async function member(options) {
  const consumer = connection(options).consumer({
    groupId: options.group,
    sessionTimeout: 6000,
    heartbeatInterval: 500,
    rebalanceTimeout: 6000,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 65536,
  })
  const left = new Promise(resolve => process.stdin.on('end', resolve).resume())
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    say('assigned', (payload.memberAssignment[options.topic] ?? []).join(','))
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [options.topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, heartbeat, isRunning, isStale, resolveOffset }) => {
      for (let next = 0; next < batch.messages.length; next += COMMIT_RECORDS) {
        if (!isRunning() || isStale()) break
        const messages = batch.messages.slice(next, next + COMMIT_RECORDS)
        for (const message of messages) say('record', format(batch.topic, batch.partition, message))
        const last = messages[messages.length - 1].offset
        const offset = String(Number(last) + 1)
        await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }])
        resolveOffset(last)
        say('committed', batch.partition, offset)
        await heartbeat()
      }
    },
  })
  await left
  await consumer.disconnect()
  say('left')
}

async function main() {
  const options = {}
  for (let i = 3; i + 1 < process.argv.length; i += 2) {
    options[process.argv[i].slice(2)] = process.argv[i + 1]
  }
  await zstd.init()
  await { version, create, produce, consume, member }[process.argv[2]](options)
}

// Ends when everything said has left: much of it may still be on its way.
const end = code => process.stdout.write('', () => process.exit(code))

main().then(
  () => end(0),
  error => {
    process.stderr.write(`${error.stack}\n`)
    end(1)
  },
)
