/**
 * Hosts on one machine: network namespaces on a bridge, all inside one throw-away namespace that dies with its shell. Needs
 * root, `unshare` and `nsenter` (util-linux), and `ip` (iproute2).
 */
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Home } from './mesh.js'

const SCRIPT = fileURLToPath(new URL('../fixtures/lab.sh', import.meta.url))
const UNSHARE = 'unshare'
const NSENTER = 'nsenter'
const APART = ['--net', '--mount', '--fork', '--pid', '--kill-child', '--mount-proc']

/** Why this machine cannot have one; null where it can. Tries what a lab is made of, and the rule that drops packets. */
export function whyNoLab(): string | null {
  const trial = `
    ip link add br0 type bridge && ip link add v0 type veth peer name v1 &&
    ip rule add ipproto tcp sport 1 blackhole`
  const { status, error, stderr } = spawnSync(UNSHARE, [...APART, 'sh', '-c', trial], { encoding: 'utf8' })
  if (error !== undefined) return `no unshare here (util-linux): ${error.message}`
  return status === 0 ? null : `no network namespaces here (they need root, and iproute2): ${stderr.trim()}`
}

export class Lab {
  readonly homes: readonly Home[]
  readonly #shell: ChildProcess
  readonly #enter: readonly string[]

  private constructor(shell: ChildProcess, initPid: string, hosts: number) {
    this.#shell = shell
    this.#enter = ['--target', initPid, '--net', '--mount', '--pid']
    this.homes = Array.from({ length: hosts }, (_, i) => ({
      host: `10.77.0.${String(i + 1)}`,
      words: [NSENTER, ...this.#enter, 'ip', 'netns', 'exec', `h${String(i + 1)}`],
    }))
  }

  static async start(hosts: number): Promise<Lab> {
    const shell = spawn(UNSHARE, [...APART, 'sh', SCRIPT, String(hosts)], { stdio: ['pipe', 'pipe', 'inherit'] })
    const failed = once(shell, 'close').then(([code]) => {
      throw new Error(`the lab ended: ${String(code)}`)
    })
    failed.catch(() => undefined)
    await Promise.race([once(shell.stdout, 'data'), failed])
    const pid = String(shell.pid)
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return new Lab(shell, children.trim(), hosts)
  }

  /** From now on the packets of one TCP connection vanish at both ends, unseen by either: the kernel finds no way for them. */
  cut(port: number): void {
    for (const host of this.homes.keys())
      for (const side of ['sport', 'dport']) {
        const rule = `rule add pref 100 ipproto tcp ${side} ${String(port)} blackhole`
        const words = [...this.#enter, 'ip', '-n', `h${String(host + 1)}`, ...rule.split(' ')]
        const { status } = spawnSync(NSENTER, words, { stdio: 'inherit' })
        if (status !== 0) throw new Error(`port ${String(port)} could not be cut`)
      }
  }

  /** Ends every process inside. */
  async stop(): Promise<void> {
    const ended = this.#shell.exitCode !== null || this.#shell.signalCode !== null
    if (ended) return
    const gone = once(this.#shell, 'close')
    this.#shell.kill('SIGKILL')
    await gone
  }
}
