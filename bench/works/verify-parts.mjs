/**
 * What the processes of the work `verify` do: a hub that checks signed messages, inline or by a pool of workers; one that signs; and
 * one that asks the hub something small now and then, and says how long the answers took.
 */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

const RING = 512
const BODY_BYTES = 250
/** What a hub has not answered for, where the signer goes as fast as it is let. */
const AHEAD = 1_024
const US = 1_000

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** What a host does for somebody whose key it has not seen: key, signature and what was signed, in one run of bytes. */
export function isSigned(/** @type {Uint8Array} */ signed) {
  const x = Buffer.from(signed.subarray(0, KEY_BYTES)).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const body = signed.subarray(KEY_BYTES + SIGNATURE_BYTES)
  return verify(null, body, key, signed.subarray(KEY_BYTES, KEY_BYTES + SIGNATURE_BYTES))
}

/** Loaded by whoever needs it, and no part of what the other works measure. */
async function openPool(/** @type {number} */ threadsMax) {
  const { workerPool } = await import('holdfast/kit')
  return workerPool(new URL('verify-worker.mjs', import.meta.url), { threadsMax })
}

const share = (/** @type {readonly number[]} */ sorted, /** @type {number} */ part) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null

/** What the thread of the event loop has cost, and no other: Linux alone says so. */
function loopCpuUs() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000
  } catch {
    return Number.NaN
  }
}

/** @type {Record<string, (nodes: any[], details: any) => any>} */
export const verifyParts = {
  verifier: ([node], { how, threads }) => {
    const opened = how === 'pool' ? openPool(threads) : null
    const lag = monitorEventLoopDelay({ resolution: 1 })
    let did = 0
    let wrong = 0
    const judge = (/** @type {boolean} */ good) => {
      did++
      if (!good) wrong++
      return /** @type {const} */ (good ? 'accept' : 'reject')
    }
    if (opened !== null)
      node.onSigned = async (/** @type {Uint8Array} */ signed, /** @type {any} */ { signal }) =>
        judge((await (await opened).run(signed, { signal })) === true)
    else if (how === 'inline') node.onSigned = (/** @type {Uint8Array} */ signed) => judge(isSigned(signed))
    else node.onSigned = () => judge(true)
    let before = { cpuUs: loopCpuUs(), did: 0 }
    return {
      reset: () => {
        lag.reset()
        lag.enable()
        before = { cpuUs: loopCpuUs(), did }
      },
      stop: async () => (await opened)?.close(),
      did: () => did,
      tell: async () => ({
        wrong,
        lagP99Ms: lag.percentile(99) / 1e6,
        loopCpuUs: (loopCpuUs() - before.cpuUs) / (did - before.did),
        threads: (await opened)?.status().threads ?? 0,
      }),
    }
  },

  /** Broadcasts signed messages: `perSec` of them, `burst` at a time; or, where `perSec` is null, as fast as the hub answers for them. */
  signer: ([node], { perSec, burst }) => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const key = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url')
    const ring = Array.from({ length: RING }, (_, i) => {
      const body = Buffer.alloc(BODY_BYTES, i)
      return new Uint8Array(Buffer.concat([key, sign(null, body, privateKey), body]))
    })
    let sent = 0
    let running = false
    let since = 0
    const send = () => node.broadcast(ring[sent++ % RING])
    const paced = () => {
      if (!running) return
      const due = Math.floor(((performance.now() - since) / 1_000) * (perSec / burst)) * burst
      while (sent < due) send()
      setTimeout(paced, 1)
    }
    const eager = async () => {
      while (running) {
        const judged = await node.judged()
        while (sent - judged < AHEAD) send()
        await node.drained()
      }
    }
    return {
      start: () => {
        running = true
        since = performance.now()
        if (perSec === null) void eager()
        else paced()
      },
      stop: () => (running = false),
      did: () => sent,
      tell: () => ({ sent }),
    }
  },

  /** Asks every few milliseconds, whether or not what it asked before is answered: who waits must not hide what waits behind it. */
  asker: ([node], { everyMs }) => {
    /** Bound: what one measurement asks. @type {number[]} */
    let took = []
    let timer = /** @type {any} */ (null)
    let failed = 0
    const ask = async () => {
      const since = performance.now()
      try {
        await node.ask()
        took.push((performance.now() - since) * US)
      } catch {
        failed++
      }
    }
    return {
      start: () => {
        timer = setInterval(() => void ask(), everyMs)
      },
      reset: () => void (took = []),
      stop: () => clearInterval(timer),
      did: () => took.length,
      tell: () => {
        const sorted = took.sort((a, b) => a - b)
        return { p50Us: share(sorted, 0.5), p99Us: share(sorted, 0.99), asked: sorted.length, failed }
      },
    }
  },
}
