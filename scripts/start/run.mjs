/** One run: the network forms, carries its load, is hurt, heals, and is taken down. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createIdentity } from 'holdfast'
import { freeze, killAndRestart, planFaults } from './faults.mjs'
import { addressOf, assignPorts, placeOf, planMembers } from './network.mjs'
import { NodeProcess } from './node-process.mjs'
import { countDeliveries, countLinks, reconnections, summarize } from './tally.mjs'
import { now } from './transfer.mjs'

const READY_MS = 30_000
const MESH_MS = 20_000
const REST_MS = 5_000
const DRAIN_MS = 10_000
const STOP_MS = 5_000
const POLL_MS = 50
/** When the stranger comes, as a share of the load: after the killed node's return, or that one would have to be told twice. */
const STRANGER_AT = 0.5
const NO_LINKS = { links: 0, byTransport: { tcp: 0, ws: 0 } }

export class Run {
  nodes
  stranger
  /** Names of the nodes that the stranger was told of that it is banned. */
  refusedBy = new Set()
  #options
  #say
  #members
  #faults
  #strangerSeed = randomBytes(32)
  #strangerId = createIdentity(this.#strangerSeed).id
  #bannedBy = new Set()
  #forged = /** @type {string[]} */ ([])
  #outages = /** @type {import('./faults.mjs').Outage[]} */ ([])
  #beats = /** @type {import('./tally.d.mts').Beat[]} */ ([])
  #troubles = /** @type {string[]} */ ([])
  #linksAtStart = NO_LINKS
  #linksAtEnd = NO_LINKS
  #loading = false
  #stopping = false
  #over = new AbortController()
  #startedAt = now()

  /**
   * @param {import('./options.mjs').Options} options
   * @param {string} directory of the logs
   * @param {(line: string) => void} say
   */
  constructor(options, directory, say) {
    this.#options = options
    this.#say = say
    this.#members = planMembers(options.nodes)
    this.#faults = planFaults(options.nodes, options.seconds)
    this.nodes = this.#members.map(({ name }) => new NodeProcess(name, 'node.mjs', directory))
    this.stranger = new NodeProcess('stranger', 'stranger.mjs', directory)
    for (const node of this.nodes) this.#attend(node)
    this.stranger.on('report', ({ kind, id, by }) => {
      if (kind === 'sent') this.#forged.push(id)
      else this.refusedBy.add(by)
    })
    this.stranger.on('exit', () => {
      if (!this.#stopping) this.#fail('the stranger ended by itself')
    })
  }

  get elapsedMs() {
    return now() - this.#startedAt
  }

  /** @returns {Promise<import('./tally.d.mts').Summary>} */
  async perform() {
    try {
      await this.#form()
      await this.#load()
      await this.#drain()
    } catch (error) {
      // An abort has been accounted for already.
      if (!this.#over.signal.aborted) this.#troubles.push(String(error))
    }
    await this.#takeDown()
    for (const trouble of this.#troubles) this.#say(`trouble: ${trouble}`)
    return summarize({
      names: this.nodes.map(({ name }) => name),
      boots: this.nodes.flatMap(({ boots }) => boots),
      forged: this.#forged,
      linksAtStart: this.#linksAtStart,
      linksAtEnd: this.#linksAtEnd,
      plannedFaults: this.#faults.length,
      outages: this.#outages,
      beats: this.#beats,
      bannedBy: [...this.#bannedBy],
      durationMs: this.elapsedMs,
      troubles: this.#troubles,
    })
  }

  /** Kills whatever is left, at once: for the way out. */
  destroy() {
    this.#stopping = true
    this.#over.abort()
    for (const child of this.#children()) child.signal('SIGKILL')
  }

  async #form() {
    for (const child of this.#children()) child.launch()
    let ready = 0
    for (const child of this.#children()) child.once('ready', () => ready++)
    await this.#until('every process is ready', READY_MS, () => ready === this.#children().length)
    // As late as can be: whoever looks for free ports at the same time must find ours taken.
    await assignPorts(this.#members)
    this.#say(`${this.nodes.length} processes are ready; all start now`)
    for (const [i, node] of this.nodes.entries()) node.go(this.#place(i))
    await this.#until('every node has all its links', MESH_MS, () => {
      this.#linksAtStart = this.#links()
      return this.nodes.every(({ boot }) => typeof boot?.fullAt === 'number') && this.#meshed(this.#linksAtStart)
    })
    const { links, byTransport } = this.#linksAtStart
    this.#say(`full mesh: ${links} links, ${byTransport.tcp} over TCP and ${byTransport.ws} over WebSocket`)
  }

  async #load() {
    const { seconds, rate } = this.#options
    this.#say(`${this.nodes.length} × ${rate} transfers a second for ${seconds} s`)
    this.#loading = true
    for (const node of this.nodes) node.order('load')
    await Promise.all([
      sleep(seconds * 1000, undefined, { signal: this.#over.signal }),
      this.#letStrangerIn(),
      ...this.#faults.map((fault) => this.#strike(fault)),
    ])
    this.#loading = false
  }

  /** Waits until nothing is on its way any more and every wound has healed, for as long as it is worth. */
  async #drain() {
    const rested = new Set()
    for (const node of this.nodes)
      node.on('report', ({ kind }) => {
        if (kind === 'rested') rested.add(node.name)
      })
    for (const node of this.nodes) node.order('rest')
    this.#say('the load is over')
    await this.#until('every node rests', REST_MS, () => rested.size === this.nodes.length, false)
    await this.#until('all is delivered and healed', DRAIN_MS, () => this.#isSettled(), false)
    this.#linksAtEnd = this.#links()
  }

  async #takeDown() {
    this.#stopping = true
    for (const child of this.#children()) {
      child.signal('SIGCONT')
      child.order('stop')
    }
    const deadline = now() + STOP_MS
    while (this.#children().some(({ alive }) => alive) && now() < deadline) await sleep(POLL_MS)
    for (const child of this.#children().filter(({ alive }) => alive)) {
      this.#troubles.push(`${child.name} did not stop`)
      child.signal('SIGKILL')
    }
    while (this.#children().some(({ alive }) => alive)) await sleep(POLL_MS)
  }

  /** @param {NodeProcess} node */
  #attend(node) {
    node.on('report', (report) => {
      if (report.bans?.includes(this.#strangerId)) this.#bannedBy.add(node.name)
      for (const error of report.errors ?? []) this.#troubles.push(`${node.name}: ${error}`)
      if (this.#outages.every((outage) => this.#isHealed(outage))) return
      for (const [from, boot, sentAt, gotAt] of report.beats ?? [])
        this.#beats.push({ from, to: node.name, boot, sentAt, gotAt })
    })
    node.on('full', () => {
      this.#say(`${node.name} has its full mesh`)
      if (this.#loading) node.order('load')
    })
    node.on('exit', (code, signal) => {
      if (!this.#stopping && !(node.boot?.killed ?? false))
        this.#fail(`${node.name} ended: ${signal ?? `code ${code}`}`)
    })
  }

  /** @param {import('./faults.mjs').Fault} fault */
  async #strike({ kind, victim, atMs, forMs }) {
    const { signal } = this.#over
    await sleep(atMs, undefined, { signal })
    const node = this.nodes[victim]
    if (node === undefined) return
    this.#say(kind === 'kill' ? `${node.name} is killed` : `${node.name} freezes for ${forMs / 1000} s`)
    const began = (/** @type {import('./faults.mjs').Outage} */ outage) => this.#outages.push(outage)
    if (kind === 'kill') await killAndRestart(node, { forMs, place: this.#place(victim), began, signal })
    else await freeze(node, { forMs, others: this.#children().filter((other) => other !== node), began, signal })
    this.#say(kind === 'kill' ? `${node.name} starts again` : `${node.name} is awake again`)
  }

  async #letStrangerIn() {
    await sleep(STRANGER_AT * this.#options.seconds * 1000, undefined, { signal: this.#over.signal })
    this.#say('a stranger comes, with forged signatures')
    const targets = this.#members.map((member, i) => ({
      name: member.name,
      id: member.id,
      address: addressOf(member, member.hasTcp && i % 2 === 0),
    }))
    this.stranger.go({ seed: this.#strangerSeed.toString('hex'), targets })
  }

  #isSettled() {
    const { lost } = countDeliveries(this.nodes.flatMap(({ boots }) => boots))
    return (
      lost === 0 &&
      this.#meshed(this.#links()) &&
      this.#outages.every((outage) => this.#isHealed(outage)) &&
      this.#bannedBy.size === this.nodes.length &&
      this.refusedBy.size === this.nodes.length
    )
  }

  /** @param {import('./faults.mjs').Outage} outage */
  #isHealed(outage) {
    const names = this.nodes.map(({ name }) => name)
    return reconnections(outage, this.#outages, names, this.#beats).size === names.length - 1
  }

  #links() {
    const pictures = this.nodes.map(({ name, latest }, i) => ({
      name,
      id: this.#members[i]?.id ?? '',
      peers: latest?.peers ?? [],
    }))
    return countLinks(pictures)
  }

  /** @param {import('./tally.d.mts').Links} links */
  #meshed({ links }) {
    return links === (this.nodes.length * (this.nodes.length - 1)) / 2
  }

  /** @param {number} index */
  #place(index) {
    const member = this.#members[index]
    return member === undefined ? {} : { ...placeOf(member, this.#members), rate: this.#options.rate }
  }

  #children() {
    return [...this.nodes, this.stranger]
  }

  /** @param {string} trouble */
  #fail(trouble) {
    this.#troubles.push(trouble)
    this.#over.abort()
  }

  /**
   * @param {string} what
   * @param {number} ms
   * @param {() => boolean} condition
   * @param {boolean} [required]
   */
  async #until(what, ms, condition, required = true) {
    const deadline = now() + ms
    while (!condition()) {
      if (now() >= deadline) {
        this.#say(`not within ${ms / 1000} s: ${what}`)
        if (required) throw new Error(`not within ${ms / 1000} s: ${what}`)
        return
      }
      await sleep(POLL_MS, undefined, { signal: this.#over.signal })
    }
  }
}
