/**
 * The supervisor's view of one child: starts it, takes its reports, and remembers what each of its boots did.
 *
 * @typedef {object} NodeEvents
 * @property {() => void} ready it has loaded and waits for `go`
 * @property {(at: number) => void} listening
 * @property {(at: number) => void} full it has heard every other node over their link
 * @property {(report: any) => void} report
 * @property {(code: number | null, signal: NodeJS.Signals | null) => void} exit
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { TypedEmitter } from 'tiny-typed-emitter'
import { readLog } from './evidence.mjs'

/** @typedef {{ name: string, boot: number, sent: Map<string, number>, done: string[], fullAt: number | null, killed: boolean }} Boot */

/** @extends {TypedEmitter<NodeEvents>} */
export class NodeProcess extends TypedEmitter {
  name
  /** @type {Boot[]} */
  boots = []
  /** The newest report; null before the first of this boot. */
  latest = /** @type {any} */ (null)
  state = /** @type {'away' | 'starting' | 'live' | 'frozen' | 'stopped'} */ ('away')
  #program
  #directory
  #child = /** @type {import('node:child_process').ChildProcess | null} */ (null)

  /**
   * @param {string} name
   * @param {string} program a file beside this one
   * @param {string} directory of the logs
   */
  constructor(name, program, directory) {
    super()
    this.name = name
    this.#program = fileURLToPath(new URL(program, import.meta.url))
    this.#directory = directory
  }

  get pid() {
    return this.#child?.pid ?? null
  }

  get alive() {
    return this.#child !== null
  }

  /** The boot under way, or the last one. */
  get boot() {
    return this.boots.at(-1) ?? null
  }

  launch() {
    const boot = {
      name: this.name,
      boot: this.boots.length + 1,
      sent: new Map(),
      done: [],
      fullAt: null,
      killed: false,
    }
    this.boots.push(boot)
    this.latest = null
    this.state = 'starting'
    // Standard output belongs to the supervisor alone.
    const child = fork(this.#program, { stdio: ['ignore', 2, 2, 'ipc'] })
    this.#child = child
    child.on('message', (message) => this.#hear(boot, message))
    child.on('error', () => {})
    // Not `exit`: messages it had sent may still be on their way then.
    child.on('close', (code, signal) => {
      this.#child = null
      this.state = code === 0 ? 'stopped' : 'away'
      if (code !== 0) this.#readLastWords(boot)
      this.emit('exit', code, signal)
    })
  }

  /**
   * @param {string} kind
   * @param {object} [details]
   */
  order(kind, details = {}) {
    if (this.#child?.connected) this.#child.send({ kind, ...details }, () => {})
  }

  /** @param {object} place */
  go(place) {
    this.order('go', { ...place, name: this.name, boot: this.boots.length, directory: this.#directory })
  }

  /** @param {'SIGSTOP' | 'SIGCONT' | 'SIGKILL'} signal */
  signal(signal) {
    if (this.boot !== null && signal === 'SIGKILL') this.boot.killed = true
    if (signal === 'SIGSTOP') this.state = 'frozen'
    if (signal === 'SIGCONT' && this.state === 'frozen') this.state = 'live'
    return this.#child?.kill(signal) ?? false
  }

  /**
   * @param {Boot} boot
   * @param {any} message
   */
  #hear(boot, message) {
    switch (message.kind) {
      case 'ready':
        this.emit('ready')
        break
      case 'listening':
        if (this.state === 'starting') this.state = 'live'
        this.emit('listening', message.at)
        break
      case 'full':
        boot.fullAt = message.at
        this.emit('full', message.at)
        break
      default:
        // Once it has stopped it has no peers any more: what it had is of more interest.
        if (message.kind !== 'stopped') this.latest = message
        for (const [id, at] of message.sent ?? []) boot.sent.set(id, at)
        for (const id of message.done ?? []) boot.done.push(id)
        this.emit('report', message)
    }
  }

  /**
   * Whoever is killed cannot report its last moments; its log has them.
   * @param {Boot} boot
   */
  #readLastWords(boot) {
    try {
      const { sent, done } = readLog(this.#directory, boot.name, boot.boot)
      for (const id of sent) if (!boot.sent.has(id)) boot.sent.set(id, Number.NEGATIVE_INFINITY)
      boot.done = done
    } catch {
      // It died before it had a log.
    }
  }
}
