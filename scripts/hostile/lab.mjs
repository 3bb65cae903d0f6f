/**
 * The lab: one real node under attack, honest nodes that measure, and attackers, each a process of its own, on one machine.
 *
 * Hosts. Any 10.x.y.z (and fd00::/8 where `lab.ipv6`) is local to every process here (see namespace.mjs): an attacker takes an
 * address by binding it, `net.connect({ host, port, localAddress: '10.66.0.1' })`. The victim is 10.0.0.1, TCP 24100 and
 * WebSocket 24102. Honest nodes take what the check gives them; by convention 10.9.x.y. Attackers: 10.64.0.0/10.
 *
 * A check is `checks/<name>.mjs`, which exports `about` (one line) and `run(lab)` → figures, each
 *   { name, figure, unit, bound, pass?, held? }
 * `pass` defaults to figure <= bound; `held` is one line on the limit of the node that was reached, with its number. Every name
 * begins with the check's. In a short run (`lab.short`, seconds, for the tests) figures in ms and MiB are not judged.
 * Everything a check starts is ended when it returns or throws; it may end things itself.
 *
 * A process:
 *   const p = await lab.start('attackers/loris.mjs')         under this folder; resolves once it has said that it is loaded
 *   await p.ask('begin', { any: 'JSON' }, withinMs = 30_000)  one order, one answer; rejects when it dies, fails or is late
 *   p.pid · p.alive · await p.end() (SIGKILL, until it is gone) · p.signal('SIGSTOP')
 * and on the other side, `import { obey } from '../child.mjs'; obey({ begin: async (details) => answer })`. It dies with the lab.
 *
 *   const victim = await lab.victim(options)    see victim.mjs for the options and the orders; also victim.id, .host, .port,
 *     .wsPort, .address (tcp://id@host:port), .wsAddress. One at a time.
 *   const honest = await lab.honest(options)    see honest.mjs
 *   lab.crashes                                  processes of ours (victim, honest) that ended by themselves, since the check began
 *   lab.say(line)                                progress, to standard error
 *   await lab.sleep(ms)
 */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createIdentity } from 'holdfast'

export const VICTIM_HOST = '10.0.0.1'
export const VICTIM_PORT = 24100
const VICTIM_WS_PORT = 24102
export const NETWORK = 'TIME'

const READY_MS = 20_000
const ANSWER_MS = 30_000
/** As of `nice`. */
const YIELDING = 5

/** A seed (hex) and its peer id: give the seed to a process, the id to whoever must know it. */
export function member() {
  const seed = randomBytes(32)
  return { seed: seed.toString('hex'), id: createIdentity(seed).id }
}

export class Lab {
  /** A few seconds for each check, and only what can be counted is judged. */
  short
  /** Whether fd00::/8 is ours, too. */
  ipv6
  crashes = 0
  /** Bound: what a check starts; emptied when it is over. @type {Set<Process>} */
  #processes = new Set()
  #say
  #closed = false

  /** @param {{ short: boolean, ipv6: boolean, say: (line: string) => void }} how */
  constructor({ short, ipv6, say }) {
    this.short = short
    this.ipv6 = ipv6
    this.#say = say
  }

  /** @param {string} line */
  say(line) {
    this.#say(line)
  }

  /** @param {number} ms */
  sleep(ms) {
    return sleep(ms)
  }

  /**
   * @param {string} program under this folder
   * @param {{ ours?: boolean, yields?: boolean, nodeOptions?: string[] }} [how] `ours`: that it ends by itself is a crash.
   *   `yields`: an attacker has machines of its own; here it leaves the cores to those who measure, as far as they want them
   */
  async start(program, { ours = false, yields = false, nodeOptions = [] } = {}) {
    if (this.#closed) throw new Error('the lab is closed')
    const child = new Process(program, nodeOptions)
    this.#processes.add(child)
    child.gone.then(({ wanted, how }) => {
      this.#processes.delete(child)
      if (wanted) return
      if (ours) this.crashes++
      this.say(`${program} ended by itself: ${how}`)
    })
    await child.ready
    if (yields && child.pid !== undefined) setPriority(child.pid, YIELDING)
    return child
  }

  /** @param {object} [options] see victim.mjs */
  async victim(options = {}) {
    const { seed, id } = member()
    const victim = await this.start('victim.mjs', { ours: true, nodeOptions: ['--expose-gc'] })
    const given = { seed, host: VICTIM_HOST, port: VICTIM_PORT, wsPort: VICTIM_WS_PORT, network: NETWORK, ...options }
    await victim.ask('begin', given)
    const { host, port, wsPort } = given
    const address = `tcp://${id}@${host}:${port}`
    return Object.assign(victim, { id, host, port, wsPort, address, wsAddress: `ws://${id}@${host}:${wsPort}` })
  }

  /** @param {object} options see honest.mjs */
  async honest(options) {
    const honest = await this.start('honest.mjs', { ours: true })
    await honest.ask('begin', { network: NETWORK, ...options })
    return honest
  }

  /** Ends everything that was started. */
  async clear() {
    await Promise.all([...this.#processes].map((child) => child.end()))
    this.crashes = 0
  }

  /** The same for good: nothing can be started any more. */
  async close() {
    this.#closed = true
    await this.clear()
  }

  /** The same at once, for a process that is about to exit. */
  destroy() {
    for (const child of this.#processes) child.signal('SIGKILL')
  }
}

/** One process, and the talk with it. */
class Process {
  program
  /** Once it has loaded. @type {Promise<void>} */
  ready
  /** Once it has ended, and how. @type {Promise<{ wanted: boolean, how: string }>} */
  gone
  #child
  #calls = 0
  #wanted = false
  #alive = true
  /** Bound: orders under way. @type {Map<number, { done: (value: any) => void, failed: (error: Error) => void }>} */
  #waiting = new Map()

  /** @param {string} program @param {readonly string[]} nodeOptions */
  constructor(program, nodeOptions) {
    this.program = program
    const file = fileURLToPath(new URL(program, import.meta.url))
    // Standard output belongs to the result alone.
    const child = fork(file, { stdio: ['ignore', 2, 2, 'ipc'], execArgv: [...nodeOptions], serialization: 'advanced' })
    this.#child = child
    child.on('error', () => {})
    this.gone = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.#alive = false
        const how = signal ?? `exit code ${code}`
        for (const { failed } of this.#waiting.values()) failed(new Error(`${program} ended: ${how}`))
        this.#waiting.clear()
        resolve({ wanted: this.#wanted, how })
      })
    })
    this.ready = this.#expect('ready', READY_MS)
    this.ready.catch(() => {})
    child.on('message', (/** @type {any} */ message) => {
      const waiting = this.#waiting.get(message.call ?? 0)
      this.#waiting.delete(message.call ?? 0)
      if (message.error === undefined) waiting?.done(message.value)
      else waiting?.failed(new Error(`${program}: ${message.error}`))
    })
  }

  get pid() {
    return this.#child.pid
  }

  get alive() {
    return this.#alive
  }

  /**
   * @param {string} order
   * @param {object} [details]
   * @param {number} [withinMs]
   * @returns {Promise<any>}
   */
  ask(order, details = {}, withinMs = ANSWER_MS) {
    const call = this.#calls
    const answer = this.#expect(order, withinMs)
    if (this.#child.connected) this.#child.send({ call, order, details }, () => {})
    return answer
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    if (signal === 'SIGKILL') this.#wanted = true
    if (this.#alive) this.#child.kill(signal)
  }

  async end() {
    this.signal('SIGKILL')
    await this.gone
  }

  /** @param {string} what @param {number} withinMs */
  #expect(what, withinMs) {
    const call = this.#calls++
    return new Promise((done, failed) => {
      if (!this.#alive) failed(new Error(`${this.program} has ended`))
      const late = setTimeout(() => failed(new Error(`${this.program}: ${what} took over ${withinMs} ms`)), withinMs)
      this.#waiting.set(call, {
        done: (value) => {
          clearTimeout(late)
          done(value)
        },
        failed: (error) => {
          clearTimeout(late)
          failed(error)
        },
      })
    })
  }
}
