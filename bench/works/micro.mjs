/**
 * Single parts, in nanoseconds each, the median of several runs. The sources are bundled for it, since frames and records are
 * nobody's business outside; beside the record stands what node:crypto alone takes for the same bytes.
 */
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { median } from '../report.mjs'
import { loadSources } from '../sources.mjs'

const RUNS = 7
const MODULES = {
  dedup: 'policy/dedup.ts',
  backoff: 'policy/backoff.ts',
  frame: 'protocol/frame.ts',
  record: 'protocol/record.ts',
  inbox: 'protocol/inbox.ts',
  message: 'protocol/message.ts',
  crypto: 'runtime/crypto-node.ts',
  system: 'runtime/system.ts',
}
const FRAME_BYTES = 250
const RECORD_BYTES = 32_000
const IDS = 65_536

/** @param {{ times: { microMs: number } }} given */
export async function micro({ times }) {
  const parts = await loadSources(MODULES)
  const { crypto } = parts.crypto
  const time = (/** @type {number} */ each, /** @type {() => unknown} */ run) => nsOf(run, each, times.microMs)
  const record = randomBytes(RECORD_BYTES)
  const key = createSecretKey(randomBytes(32))
  const nonce = Buffer.alloc(12)
  const holdfast = {
    ...dedup(parts, time),
    frameDecodeNs: frames(parts, time),
    recordSealNs: seal(parts, record, time),
    recordOpenNs: open(parts, record, times.microMs),
    broadcastIdNs: time(1, () => parts.message.broadcastId('tx', record.subarray(0, FRAME_BYTES), crypto)),
    backoffNs: backoff(parts, time),
  }
  const bare = time(1, () => {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    return [cipher.update(record), cipher.final(), cipher.getAuthTag()]
  })
  return [
    { system: 'holdfast', figures: holdfast },
    { system: 'node:crypto', figures: { recordSealNs: bare } },
  ]
}

/** @param {any} parts @param {any} time */
function dedup({ dedup: { DedupCache } }, time) {
  const ids = Array.from({ length: IDS }, () => randomBytes(16).toString('latin1'))
  const known = new DedupCache()
  for (const id of ids) known.add(id, 0)
  return {
    dedupNewNs: time(IDS, () => {
      const cache = new DedupCache()
      for (const id of ids) {
        cache.begin(id, 0)
        cache.settle(id, 0)
      }
    }),
    dedupSeenNs: time(IDS, () => {
      for (const id of ids) known.check(id, 0)
    }),
  }
}

/** @param {any} parts @param {any} time */
function frames({ frame: { FrameReader, encodeFrame } }, time) {
  const one = encodeFrame(64, randomBytes(FRAME_BYTES))
  const count = Math.floor(RECORD_BYTES / one.length)
  const record = Buffer.concat(Array.from({ length: count }, () => one))
  return time(count, () => {
    const reader = new FrameReader()
    reader.push(record)
    for (let frame = reader.next(); frame !== null; frame = reader.next());
  })
}

/** @param {any} parts @param {Buffer} plain @param {any} time */
function seal({ record: { RecordWriter }, crypto: { crypto } }, plain, time) {
  const writer = new RecordWriter(crypto.aead(randomBytes(32)))
  return time(1, () => writer.seal([plain]))
}

/** Nonces count up, so what is opened is sealed beforehand. @param {any} parts @param {Buffer} plain @param {number} ms */
function open({ record: { RecordReader, RecordWriter }, inbox: { Inbox }, crypto: { crypto } }, plain, ms) {
  const key = randomBytes(32)
  const writer = new RecordWriter(crypto.aead(key))
  const inbox = new Inbox()
  const reader = new RecordReader(crypto.aead(key), inbox)
  const count = Math.max(4, Math.floor(ms * 4))
  const records = Array.from({ length: count }, () => Buffer.concat(writer.seal([plain])))
  const samples = records.map((record) => {
    const since = process.hrtime.bigint()
    inbox.push(record)
    if (reader.next().kind !== 'plain') throw new Error('a record that does not open')
    return Number(process.hrtime.bigint() - since)
  })
  return median(samples)
}

/** @param {any} parts @param {any} time */
function backoff({ backoff: { BackoffPolicy }, system: { systemRandom } }, time) {
  const policy = new BackoffPolicy()
  let attempt = 0
  return time(1, () => policy.next('masternode', (attempt++ % 20) + 1, systemRandom))
}

/** The median of several runs. @param {() => unknown} run @param {number} each what one call comes to @param {number} ms of one run */
function nsOf(run, each, ms) {
  const once = () => {
    let calls = 0
    const since = performance.now()
    do {
      run()
      calls++
    } while (performance.now() - since < ms)
    return ((performance.now() - since) * 1e6) / (calls * each)
  }
  once()
  return median(Array.from({ length: RUNS }, once))
}
