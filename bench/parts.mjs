/** What the processes of a work do. A part counts what it did (`did`), and tells what it found (`tell`). */
import { Flood } from './flood.mjs'
import { makerOf, ringOf } from './payloads.mjs'
import { verifyParts } from './works/verify-parts.mjs'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const pause = () => new Promise((resolve) => setTimeout(resolve, 1))
const SAMPLES_MAX = 1_000_000

/** Runs `step` until it is stopped, a turn of the loop between two. @param {() => Promise<void> | void} step */
function pump(step) {
  let running = false
  let over = Promise.resolve()
  const loop = async () => {
    while (running) {
      await step()
      await turn()
    }
  }
  return {
    start: () => {
      running = true
      over = loop()
      over.catch((error) => {
        process.stderr.write(`${error.stack}\n`)
        process.exit(1)
      })
    },
    stop: async () => {
      running = false
      await over
    },
  }
}

/** @type {Record<string, (nodes: any[], details: any) => any>} */
export const parts = {
  ...verifyParts,
  /** Sends to its one peer as fast as it is let. */
  sender: ([node], { json, size }) => {
    const ring = ringOf(makerOf(json, size), size)
    const burst = Math.max(8, Math.min(1_024, Math.floor(1_048_576 / size)))
    let peer = /** @type {any} */ (null)
    let at = 0
    let sent = 0
    node.onPeer = (/** @type {any} */ other) => (peer = other)
    const step = async () => {
      let goesOn = true
      for (let i = 0; i < burst && goesOn; i++) {
        goesOn = node.send(peer, ring[at])
        if (++at === ring.length) at = 0
        sent++
      }
      if (!goesOn) await node.drained()
    }
    return { ...pump(step), did: () => sent, tell: () => ({ sent }) }
  },

  /**
   * Takes what one sender sends to each node, and looks whether it is the next. Where it is asked to, it says after every so many
   * how far it is.
   */
  receiver: (nodes, { json, size, round = 2 ** 32, tellEvery = Infinity }) => {
    const maker = makerOf(json, size)
    const word = json ? { far: true } : Buffer.of(1)
    let received = 0
    let wrong = 0
    for (const node of nodes) {
      let next = 0
      let untold = 0
      node.onMessage = (/** @type {any} */ peer, /** @type {any} */ payload) => {
        received++
        if (maker.numberOf(payload) !== next) wrong++
        if (++next === round) next = 0
        if (++untold < tellEvery) return
        untold = 0
        node.send(peer, word)
      }
    }
    return { did: () => received, tell: () => ({ received, wrong }) }
  },

  /**
   * Broadcasts to all, `burst` messages in a turn, and is never more than `ahead` before the slowest: or it would fill hundreds of
   * megabytes of the kernel's, and then wait for seconds.
   */
  hub: ([node], { json, size, burst, ahead, tellEvery, peers }) => {
    const maker = makerOf(json, size)
    /** How many times each has told. Bound: the peers. @type {Map<any, number>} */
    const told = new Map()
    /** How many peers have told so many times. Bound: what `ahead` comes to. @type {Map<number, number>} */
    const counts = new Map()
    let sent = 0
    let slowest = 0
    let wake = () => {}
    node.onMessage = (/** @type {any} */ peer) => {
      const times = (told.get(peer) ?? 0) + 1
      told.set(peer, times)
      const count = (counts.get(times) ?? 0) + 1
      if (count < peers) counts.set(times, count)
      else {
        counts.delete(times)
        slowest = times * tellEvery
        wake()
      }
    }
    const step = async () => {
      let goesOn = true
      for (let i = 0; i < burst && goesOn; i++) goesOn = node.broadcast(maker.make(sent++))
      if (!goesOn) await node.drained()
      if (sent - slowest >= ahead) await new Promise((resolve) => (wake = () => resolve(undefined)))
    }
    return { ...pump(step), did: () => sent, tell: () => ({ sent }) }
  },

  echo: ([node]) => {
    node.onMessage = (/** @type {any} */ peer, /** @type {any} */ payload) => void node.send(peer, payload)
    return { did: () => 0 }
  },

  /** One message in flight: how long until it is back. */
  ping: ([node], { json, size }) => {
    const ring = ringOf(makerOf(json, size), size)
    const samples = new Float64Array(SAMPLES_MAX)
    let peer = /** @type {any} */ (null)
    let count = 0
    let trips = 0
    let since = 0
    let running = false
    const go = () => {
      since = performance.now()
      node.send(peer, ring[trips % ring.length])
    }
    node.onPeer = (/** @type {any} */ other) => (peer = other)
    node.onMessage = () => {
      if (count < SAMPLES_MAX) samples[count++] = (performance.now() - since) * 1_000
      trips++
      if (running) go()
    }
    const part = (/** @type {Float64Array} */ sorted, /** @type {number} */ share) =>
      sorted[Math.floor(count * share)] ?? null
    return {
      start: () => {
        running = true
        go()
      },
      reset: () => (count = 0),
      stop: () => (running = false),
      did: () => trips,
      tell: () => {
        const sorted = samples.subarray(0, count).sort()
        return { p50Us: part(sorted, 0.5), p99Us: part(sorted, 0.99), count }
      },
    }
  },

  accepting: ([node]) => {
    let accepted = 0
    node.onPeer = () => accepted++
    return { did: () => accepted }
  },

  /** Each node dials, is connected, closes, and again. */
  dialling: (nodes, { address }) => {
    let dialled = 0
    let failed = 0
    let why = ''
    const pumps = nodes.map((node) =>
      pump(async () => {
        try {
          await node.close(await node.dial(address))
          dialled++
        } catch (error) {
          failed++
          why = String(error)
          await pause()
        }
      }),
    )
    return {
      start: () => pumps.forEach(({ start }) => start()),
      stop: () =>
        Promise.race([
          Promise.all(pumps.map(({ stop }) => stop())),
          new Promise((resolve) => setTimeout(resolve, 3_000)),
        ]),
      did: () => dialled,
      tell: () => ({ failed, why }),
    }
  },

  /** Everybody publishes, everybody gets everything once; nobody is more than a window ahead of the slowest. */
  mesh: (nodes, { json, size, window }) => {
    let unique = 0
    const members = nodes.map((node) => new Flood(node, { json, size, window, took: () => unique++ }))
    const step = () => {
      const published = members.reduce((sum, member) => sum + member.publish(), 0)
      return published === 0 ? pause() : undefined
    }
    return { ...pump(step), did: () => unique, tell: () => members.map((member) => member.tell()) }
  },
}
