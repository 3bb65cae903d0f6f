/**
 * The parent's side: every end of a link is a process of its own, which obeys orders over IPC and tells what it has done and
 * what it cost. Nothing is measured here; the windows of measurement are the processes' own marks.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url))
const ANSWER_WITHIN_MS = 120_000
const SAID_MAX = 4_000
/** Where a step runs through much of a node, not through the way of one message alone, it is compiled so many times as late. */
export const LONGER = 4

export const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** One process under orders. */
class End {
  #calls = 0
  /** Bound: the orders under way. @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map()
  #gone = false
  #said = ''

  /** @param {string} name @param {readonly string[]} execArgv */
  constructor(name, execArgv) {
    this.name = name
    this.child = fork(CHILD, [], {
      execArgv: [...execArgv],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    })
    const hear = (/** @type {Buffer} */ bytes) => (this.#said = (this.#said + bytes.toString()).slice(-SAID_MAX))
    this.child.stdout?.on('data', hear)
    this.child.stderr?.on('data', hear)
    // Such as that a channel is gone that was about to be closed: what matters is that it ends.
    this.child.on('error', (error) => hear(Buffer.from(`${error.message}\n`)))
    this.child.on('message', (/** @type {any} */ { call, value, error }) => {
      const asked = this.#waiting.get(call)
      this.#waiting.delete(call)
      if (error === undefined) asked?.resolve(value)
      else asked?.reject(new Error(`${name}: ${error}`))
    })
    this.ended = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => {
        this.#gone = true
        for (const { reject } of this.#waiting.values())
          reject(new Error(`${name} ended (${code ?? signal}) ${this.#said}`))
        this.#waiting.clear()
        resolve(undefined)
      })
    })
  }

  /** @param {string} order @param {object} details @returns {Promise<any>} */
  ask(order, details = {}) {
    if (this.#gone) return Promise.reject(new Error(`${this.name} is gone ${this.#said}`))
    const call = this.#calls++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(call)
        reject(new Error(`${this.name} does not answer ${order} ${this.#said}`))
      }, ANSWER_WITHIN_MS)
      const over = (/** @type {(value: any) => void} */ then) => (/** @type {any} */ value) => {
        clearTimeout(timer)
        then(value)
      }
      this.#waiting.set(call, { resolve: over(resolve), reject: over(reject) })
      this.child.send({ call, order, details })
    })
  }

  /** It stands still, and does not know it. Whoever has it frozen has somebody else guard it. */
  freeze() {
    this.child.kill('SIGSTOP')
  }

  thaw() {
    this.child.kill('SIGCONT')
  }

  /** Ends it, and waits until it has. A profile is written on the way out, so it goes by itself where it can. */
  async end() {
    if (this.#gone) return
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5_000)
    this.thaw()
    if (this.child.connected) this.child.disconnect()
    await this.ended
    clearTimeout(timer)
  }
}

/** The processes of one measurement. */
export class Lab {
  /** Bound: those of one measurement, a dozen. @type {End[]} */
  #ends = []

  /**
   * @param {object} given
   * @param {import('./main.mjs').System} given.system
   * @param {import('./main.mjs').Times} given.times
   * @param {string | undefined} given.profileDir where CPU profiles go
   */
  constructor({ system, times, profileDir }) {
    this.system = system
    this.times = times
    this.flags = ['--expose-gc', ...(profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`])]
  }

  /**
   * A process with so many nodes.
   * @param {string} name @param {object} details count, listens, keepAliveMs, of the nodes
   */
  async begin(name, details = {}) {
    const end = new End(`${this.system.name} ${name}`, this.flags)
    this.#ends.push(end)
    const addresses = await end.ask('begin', { system: this.system, ...details })
    return { end, addresses }
  }

  /**
   * Links every node of `leaves` with the one of `hub`. Both ends of holdfast list each other; who listens nowhere is listed all
   * the same. The others have no list: their leaves dial.
   * @param {readonly { end: End, addresses: readonly any[] }[]} leaves @param {{ end: End, addresses: readonly any[] }} hub
   * @param {number} [already] links that the hub has
   */
  async link(leaves, hub, already = 0) {
    if (this.system.lists) await hub.end.ask('connect', { addresses: leaves.flatMap(({ addresses }) => addresses) })
    await Promise.all(leaves.map(({ end }) => end.ask('connect', { addresses: hub.addresses })))
    await untilLinked(
      leaves.map(({ end }) => end),
      1,
    )
    await untilLinked(
      [hub.end],
      leaves.reduce((sum, { addresses }) => sum + addresses.length, already),
    )
  }

  /** A hub and so many leaves in two processes, linked. @param {number} count @param {object} options of the nodes */
  async star(count, options = {}) {
    const hub = await this.begin('hub', options)
    const half = Math.ceil(count / 2)
    const leaves = await Promise.all(
      [half, count - half].map((share, i) => this.begin(`leaves ${i}`, { ...options, count: share, listens: false })),
    )
    await this.link(leaves, hub)
    return [hub, ...leaves]
  }

  /**
   * Runs until each process has had some CPU of its own: on a busy machine time alone says little of what is compiled by then.
   * @param {readonly End[]} ends @param {number} [times] so many times as long: {@link LONGER}, or once
   */
  async warm(ends, times = 1) {
    const { warmCpuMs, warmMaxMs } = this.times
    for (const until = performance.now() + times * warmMaxMs; performance.now() < until; await sleep(20)) {
      const marks = await Promise.all(ends.map((end) => end.ask('mark')))
      if (marks.every(({ cpuMs }) => cpuMs >= times * warmCpuMs)) return
    }
  }

  /** What each of the processes did and cost from one mark to the next. */
  async watch(/** @type {readonly End[]} */ ends, ms = this.times.measureMs) {
    const before = await Promise.all(ends.map((end) => end.ask('mark')))
    await sleep(ms)
    const after = await Promise.all(ends.map((end) => end.ask('mark')))
    return after.map((mark, i) => ({
      seconds: (mark.at - before[i].at) / 1000,
      cpuMs: mark.cpuMs - before[i].cpuMs,
      did: mark.did - before[i].did,
    }))
  }

  async end() {
    await Promise.all(this.#ends.splice(0).map((end) => end.end()))
  }
}

/** Asks until it holds. @param {() => Promise<boolean>} holds */
export async function until(holds, withinMs = 20_000) {
  for (const end = performance.now() + withinMs; performance.now() < end; await sleep(20))
    if (await holds()) return true
  return false
}

/** Waits for links, or throws. @param {readonly End[]} ends @param {number} count the links of each node there */
export async function untilLinked(ends, count, withinMs = 40_000) {
  let seen = /** @type {number[]} */ ([])
  const linked = await until(async () => {
    seen = (await Promise.all(ends.map((end) => end.ask('links')))).flat()
    return seen.every((links) => links === count)
  }, withinMs)
  if (!linked) throw new Error(`not linked: ${seen.join(' ')} of ${count}`)
}
