/** What the processes do under load: make transactions, judge them, count what arrives. Nodes are those of systems/masternode. */
import { commonMs } from './common-clock.mjs'
import { Histogram } from './histogram.mjs'
import { Lag } from './lag.mjs'
import { instantOf, isWhole, Maker, makeUnsigned, numberOf, originOf, verifierOf } from './transactions.mjs'

const MIB = 1_048_576
const LOOK_EVERY_MS = 1_000
const OFTEN_MS = 10
/** Where a process has so little to do that its own wake-ups would be most of it. */
const SELDOM_MS = 50
/** What is made so soon after a block counts as beside it. */
const BESIDE_MS = 2_000

/** Which numbers of one origin came. */
class Ledger {
  /** Bound: an eighth of what was made. */
  #bits = new Uint8Array(64)
  count = 0

  /** @returns whether it was new */
  add(/** @type {number} */ number) {
    const at = number >>> 3
    const bit = 1 << (number & 7)
    if (at >= this.#bits.length) {
      const wider = new Uint8Array(Math.max(2 * this.#bits.length, at + 1))
      wider.set(this.#bits)
      this.#bits = wider
    }
    if ((this.#bits[at] & bit) !== 0) return false
    this.#bits[at] |= bit
    this.count++
    return true
  }
}

/** What one node got of one kind of message. */
class Account {
  again = 0
  broken = 0

  /** @param {number} origins @param {number} size @param {(madeAt: number, number: number) => void} took told of each */
  constructor(origins, size, took) {
    /** Bound: the origins. */
    this.ledgers = Array.from({ length: origins }, () => new Ledger())
    this.size = size
    this.took = took
  }

  add(/** @type {Uint8Array} */ payload) {
    const ledger = this.ledgers[originOf(payload)]
    if (ledger === undefined || !isWhole(payload, this.size)) this.broken++
    else {
      const number = numberOf(payload)
      if (ledger.add(number)) this.took(instantOf(payload), number)
      else this.again++
    }
  }

  tell() {
    return { counts: this.ledgers.map(({ count }) => count), again: this.again, broken: this.broken }
  }
}

/** Makes what is due, of all its nodes in turn, so often that none is far behind; a moment that was missed is made up for. */
class Source {
  #timer = /** @type {NodeJS.Timeout | null} */ (null)
  #since = 0
  #made = 0

  /** @param {number} perSec @param {number} everyMs @param {(number: number) => void} make */
  constructor(perSec, everyMs, make) {
    this.perSec = perSec
    this.everyMs = everyMs
    this.make = make
  }

  start() {
    this.#since = performance.now()
    this.#made = 0
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.#since) * this.perSec) / 1_000)
      while (this.#made < due) this.make(this.#made++)
    }, this.everyMs)
  }

  stop() {
    if (this.#timer !== null) clearInterval(this.#timer)
  }
}

/** @type {Record<string, (nodes: import('./systems/masternode.mjs').Masternode[], details: any) => any>} */
export const loadParts = {
  /**
   * Every node counts what it gets. Where `perSec` is given its nodes make that many transactions together, `from` being the
   * first one's number among all origins. Reset, it is told when blocks are made.
   */
  crowd: (nodes, { origins, txBytes, blockBytes, from = 0, perSec = 0, everyMs = OFTEN_MS }) => {
    const beside = new Histogram()
    const between = new Histogram()
    /** Bound: the blocks. @type {Map<number, number[]>} */
    const blockMs = new Map()
    let blocksSince = Infinity
    let blocksEveryMs = Infinity
    let took = 0
    const tookTx = (/** @type {number} */ madeAt) => {
      took++
      const sinceMs = (madeAt - blocksSince) % blocksEveryMs
      const histogram = sinceMs >= 0 && sinceMs < BESIDE_MS ? beside : between
      histogram.record(commonMs() - madeAt)
    }
    const tookBlock = (/** @type {number} */ madeAt, /** @type {number} */ number) => {
      const ms = commonMs() - madeAt
      if (blockMs.get(number)?.push(ms) === undefined) blockMs.set(number, [ms])
    }
    const accounts = nodes.map((node) => {
      const txs = new Account(origins, txBytes, tookTx)
      const blocks = new Account(1, blockBytes, tookBlock)
      node.onTx = (payload) => {
        txs.add(payload)
        return 'accept'
      }
      node.onBlock = (payload) => {
        blocks.add(payload)
        return 'accept'
      }
      return { txs, blocks }
    })
    const makers = perSec === 0 ? [] : nodes.map((_, i) => new Maker(from + i, txBytes))
    const source = new Source(perSec, everyMs, (number) => {
      const i = number % nodes.length
      nodes[i].broadcastTx(makers[i].make())
    })
    return {
      start: () => perSec > 0 && source.start(),
      stop: () => source.stop(),
      reset: (about) => {
        ;({ blocksSince = Infinity, blocksEveryMs = Infinity } = about)
        beside.reset()
        between.reset()
        blockMs.clear()
      },
      did: () => took,
      tell: () => ({
        beside: beside.tell(),
        between: between.tell(),
        blockMs,
        keys: makers.map(({ key }) => key),
        made: makers.map(({ made }) => made),
        nodes: accounts.map(({ txs, blocks }, i) => {
          const { duplicatesDropped: copies } = nodes[i].swarm.status()
          return { txs: txs.tell(), blocks: blocks.tell(), gaps: nodes[i].gaps, copies }
        }),
      }),
    }
  },

  /** Says something to everybody from time to time. */
  speaker: ([node], { txBytes, perSec }) => {
    const lag = new Lag(SELDOM_MS)
    let said = 0
    const source = new Source(perSec, SELDOM_MS, () => node.broadcastTx(makeUnsigned(said++, txBytes)))
    return {
      start: () => {
        source.start()
        lag.start()
      },
      stop: () => {
        source.stop()
        lag.stop()
      },
      reset: () => lag.reset(),
      did: () => said,
      tell: () => ({ lag: lag.tell(), said }),
    }
  },

  /** Lists some more, one by one. */
  lister: ([node], { addresses }) => {
    const since = performance.now()
    for (const address of addresses) node.swarm.masternodes.add(address)
    const eachMs = (performance.now() - since) / addresses.length
    return { did: () => addresses.length, tell: () => ({ eachMs }) }
  },

  /** The one in the middle: verifies every transaction before it goes on, and makes a block from time to time. */
  judge: ([node], { keys, blockBytes, blockEveryMs }) => {
    const isSigned = verifierOf(keys)
    const lag = new Lag(OFTEN_MS)
    let judged = 0
    let rejected = 0
    node.onTx = (payload) => {
      judged++
      if (isSigned(payload)) return 'accept'
      rejected++
      return 'reject'
    }
    const block = (/** @type {number} */ number) => node.broadcastBlock(makeUnsigned(number, blockBytes))
    let blocks = 0
    const source = new Source(1_000 / blockEveryMs, OFTEN_MS, () => block(blocks++))
    /** Bound: a second each. @type {number[]} */
    let rssMiB = []
    const look = () => void rssMiB.push(process.memoryUsage.rss() / MIB)
    let looks = /** @type {NodeJS.Timeout | null} */ (null)
    return {
      start: () => {
        const since = commonMs()
        block(blocks++)
        source.start()
        lag.start()
        looks = setInterval(look, LOOK_EVERY_MS)
        return since
      },
      stop: () => {
        source.stop()
        lag.stop()
        if (looks !== null) clearInterval(looks)
        look()
      },
      reset: () => {
        lag.reset()
        rssMiB = []
        look()
      },
      did: () => judged,
      tell: () => {
        const { broadcastsShed, memory, peers } = node.swarm.status()
        const suspect = peers.filter(({ state }) => state === 'suspect').length
        return { lag: lag.tell(), rssMiB, rejected, blocks, shed: broadcastsShed, memory, links: peers.length, suspect }
      },
    }
  },
}
