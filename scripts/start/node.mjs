/** One masternode: keeps its links, makes and judges transfers, and reports. Started by the supervisor, obeys it over IPC. */
import { createIdentity, HoldfastError, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'
import { webSocket } from 'holdfast/websocket'
import { obey, tell } from './child.mjs'
import { openLog } from './evidence.mjs'
import { BEAT, isSigned, now, TRANSFER, transferId, Wallet } from './transfer.mjs'

const BEAT_MS = 100
const REPORT_MS = 200
const LOAD_TICK_MS = 20

class Node {
  #order
  #swarm
  #log
  #names
  #wallet = new Wallet()
  #beats = 0
  /** Who has shown that its end of our link works. */
  #heard = new Set()
  #connects = 0
  #load = /** @type {NodeJS.Timeout | undefined} */ (undefined)
  #news = emptyNews()

  /** @param {any} order */
  constructor(order) {
    const { name, boot, seed, hasTcp, listen, others, directory } = order
    this.#order = order
    this.#log = openLog(directory, name, boot)
    this.#names = new Map(others.map((/** @type {any} */ other) => [other.id, other.name]))
    this.#swarm = new Swarm({
      network: 'LIVE',
      identity: createIdentity(Buffer.from(seed, 'hex')),
      transports: hasTcp ? [tcp(), webSocket()] : [webSocket()],
      listen,
      masternodes: others.map((/** @type {any} */ other) => other.address),
      // All of them share one address.
      perIpLimits: false,
      agent: `npm start ${name}.${boot}`,
    })
    this.#swarm.handle(TRANSFER, (transfer) => this.#judge(transfer))
    this.#swarm.handle(BEAT, (beat, { peer }) => this.#hear(beat, peer))
    this.#swarm.on('peer:connect', (peer) => {
      if (!this.#names.has(peer.id)) return
      this.#connects++
      this.#beat(peer)
    })
    this.#swarm.on('ban', ({ key }) => this.#news.bans.push(key))
    this.#swarm.on('error', (error) => this.#news.errors.push(`${error.code}: ${error.message}`))
  }

  async start() {
    await this.#swarm.start()
    tell({ kind: 'listening', at: now() })
    setInterval(() => {
      for (const peer of this.#swarm.peers.values()) if (this.#names.has(peer.id)) this.#beat(peer)
    }, BEAT_MS)
    setInterval(() => this.report('report'), REPORT_MS)
  }

  /** Makes transfers at a steady rate. Those it could not make while it was frozen are not made up for. */
  load() {
    const { rate } = this.#order
    let due = 0
    let before = now()
    this.#load ??= setInterval(() => {
      const at = now()
      due = Math.min(due + ((at - before) * rate) / 1000, Math.max(1, rate / 5))
      before = at
      for (; due >= 1; due--) this.#send()
    }, LOAD_TICK_MS)
  }

  rest() {
    clearInterval(this.#load)
    this.report('rested')
  }

  async stop() {
    clearInterval(this.#load)
    await this.#swarm.stop()
    this.report('stopped')
    process.disconnect()
    process.exit(0)
  }

  /** @param {string} kind */
  report(kind) {
    const { peers, duplicatesDropped, strikes } = this.#swarm.status()
    const mine = peers.filter((peer) => this.#names.has(peer.id))
    tell({ kind, ...this.#news, peers: mine, duplicatesDropped, strikes, connects: this.#connects })
    this.#news = emptyNews()
  }

  #send() {
    const transfer = this.#wallet.next()
    const id = transferId(transfer)
    this.#log(`sent ${id}`)
    this.#news.sent.push([id, now()])
    this.#swarm.broadcast(TRANSFER, transfer)
  }

  /** @param {import('./transfer.mjs').Transfer} transfer */
  #judge(transfer) {
    const id = transferId(transfer)
    if (!isSigned(transfer)) {
      this.#log(`refused ${id} signature`)
      return 'reject'
    }
    this.#log(`done ${id}`)
    this.#news.done.push(id)
    return 'accept'
  }

  /** @param {import('holdfast').Peer} peer */
  #beat(peer) {
    try {
      peer.send(BEAT, { boot: this.#order.boot, count: ++this.#beats, at: now() })
    } catch (error) {
      // The link went this moment, or a frozen peer has let its outbox fill: the next beat will tell.
      if (!(error instanceof HoldfastError)) throw error
    }
  }

  /**
   * @param {{ boot: number, at: number }} beat
   * @param {import('holdfast').Peer} peer
   */
  #hear({ boot, at }, peer) {
    const from = this.#names.get(peer.id)
    if (from === undefined) return
    const gotAt = now()
    this.#news.beats.push([from, boot, at, gotAt])
    if (this.#heard.has(from)) return
    this.#heard.add(from)
    if (this.#heard.size === this.#names.size) tell({ kind: 'full', at: gotAt })
  }
}

function emptyNews() {
  return {
    sent: /** @type {[id: string, at: number][]} */ ([]),
    done: /** @type {string[]} */ ([]),
    beats: /** @type {[from: string, boot: number, sentAt: number, gotAt: number][]} */ ([]),
    bans: /** @type {string[]} */ ([]),
    errors: /** @type {string[]} */ ([]),
  }
}

let node = /** @type {Node | null} */ (null)
obey({
  go: async (order) => {
    node = new Node(order)
    await node.start()
  },
  load: () => node?.load(),
  rest: () => node?.rest(),
  stop: () => node?.stop(),
})
