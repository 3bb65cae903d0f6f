/** Masternodes in processes of their own, each listing all others: starts them, kills them, and compares what they see. */
import type { ChildProcess } from 'node:child_process'
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { createIdentity } from '../../src/index.js'
import type { Random } from '../../src/ports/clock.js'
import type { Direction, PeerId } from '../../src/ports/types.js'

const PROGRAM = fileURLToPath(new URL('../fixtures/mesh-node.mjs', import.meta.url))
/** Below the ports that the kernel gives to those who dial, so that none of them can sit on a dead node's. */
const PORT = 24_500

/** What a node told of its own accord. */
export interface Told {
  readonly event: 'listening' | 'connect' | 'disconnect' | 'suspect' | 'error'
  readonly peer: PeerId
  /** On the clock of {@link now}. */
  readonly at: number
  readonly code?: string
  /** Of a suspect: since its last byte. */
  readonly silentMs?: number
}

/** One peer, as a node sees it. */
export interface PeerSeen {
  readonly id: PeerId
  readonly linkId: string | null
  readonly suspect: boolean
  readonly direction: Direction
  readonly address: string | null
}

interface Look {
  readonly peers: readonly PeerSeen[]
  readonly sockets: number
}

type Heard =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'told' } & Told)
  | { readonly kind: 'answer'; readonly call: number; readonly value: unknown }

/** Where a node lives: its address, and the words that start a program there. */
export interface Home {
  readonly host: string
  readonly words: readonly string[]
}

interface Place {
  readonly masternodes: () => readonly string[]
  readonly perIpLimits: boolean
}

/** Milliseconds on a clock that all processes of this machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Homes on this machine, at addresses that no other test process has. */
export function loopbackHomes(count: number): readonly Home[] {
  const net = `127.${String((process.pid >> 8) & 255)}.${String(process.pid & 255)}`
  return Array.from({ length: count }, (_, i) => ({ host: `${net}.${String(i + 1)}`, words: [] }))
}

export class MeshNode {
  readonly name: string
  readonly id: PeerId
  readonly address: string
  readonly #seed: Uint8Array
  readonly #home: Home
  readonly #place: Place
  readonly #calls = new Map<number, (value: unknown) => void>()
  /** By its present process. */
  told: Told[] = []
  boot = 0
  #called = 0
  #child: ChildProcess | null = null

  constructor(name: string, seed: Uint8Array, home: Home, place: Place) {
    this.name = name
    this.id = createIdentity(seed).id
    this.address = `tcp://${this.id}@${home.host}:${String(PORT)}`
    this.#seed = seed
    this.#home = home
    this.#place = place
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Starts a process, which listens this much later. */
  launch(listenAfterMs = 0): void {
    if (this.#child !== null) throw new Error(`${this.name} lives already`)
    this.boot++
    this.told = []
    const [command, ...words] = this.#home.words
    const child =
      command === undefined
        ? fork(PROGRAM, { stdio: ['ignore', 2, 2, 'ipc'] })
        : spawn(command, [...words, process.execPath, PROGRAM], { stdio: ['ignore', 2, 2, 'ipc'] })
    this.#child = child
    child.on('error', () => undefined)
    child.on('message', (heard: Heard) => {
      if (heard.kind === 'told') this.told.push(heard)
      else if (heard.kind === 'ready') this.#go(listenAfterMs)
      else this.#answered(heard.call, heard.value)
    })
    child.once('close', () => {
      this.#child = null
      for (const call of [...this.#calls.keys()]) this.#answered(call, null)
    })
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#child?.kill(signal) !== true) throw new Error(`${this.name} has no process to be told ${signal}`)
  }

  /** Resolves once its process is gone. */
  async kill(): Promise<void> {
    if (this.#child === null) return
    const gone = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await gone
  }

  order(kind: string, details: object = {}): void {
    if (this.#child?.connected === true) this.#child.send({ kind, ...details }, () => undefined)
  }

  /** Null where there is no process that could answer. */
  async look(): Promise<Look | null> {
    return (await this.#call('look')) as Look | null
  }

  /** What each peer answers, by id: the number of its process, or why there was no answer. */
  async ask(): Promise<Readonly<Record<PeerId, number | string>> | null> {
    return (await this.#call('ask')) as Readonly<Record<PeerId, number | string>> | null
  }

  #go(listenAfterMs: number): void {
    const { masternodes, perIpLimits } = this.#place
    this.order('go', {
      seed: Buffer.from(this.#seed).toString('hex'),
      boot: this.boot,
      listen: `tcp://${this.#home.host}:${String(PORT)}`,
      masternodes: masternodes(),
      perIpLimits,
      listenAfterMs,
    })
  }

  async #call(kind: string): Promise<unknown> {
    if (this.#child === null) return null
    const call = this.#called++
    return new Promise((resolve) => {
      this.#calls.set(call, resolve)
      this.order(kind, { call })
    })
  }

  #answered(call: number, value: unknown): void {
    this.#calls.get(call)?.(value)
    this.#calls.delete(call)
  }
}

export class Mesh {
  readonly nodes: readonly MeshNode[]

  /** @param perIpLimits false where all homes share one address */
  constructor(homes: readonly Home[], random: Random, perIpLimits: boolean) {
    this.nodes = homes.map((home, i) => {
      const others = (): readonly string[] => this.nodes.filter((_, j) => j !== i).map(({ address }) => address)
      return new MeshNode(`n${String(i + 1)}`, random.bytes(32), home, { masternodes: others, perIpLimits })
    })
  }

  launch(): void {
    for (const node of this.nodes) node.launch()
  }

  node(index: number): MeshNode {
    const node = this.nodes[index]
    if (node === undefined) throw new RangeError(`there is no node ${String(index)}`)
    return node
  }

  /** Kills every process, frozen or not. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(async (node) => node.kill()))
  }

  /** Resolves with the instant at which nothing was at fault any more. */
  async whole(timeout: number, hint = ''): Promise<number> {
    await expect.poll(async () => this.faults(), { timeout, interval: 25, message: hint }).toEqual([])
    return now()
  }

  /** How it differs from a mesh: each linked once to each other and to nobody else, by a link that both ends mean, and none suspect. */
  async faults(): Promise<readonly string[]> {
    const looks = await Promise.all(this.nodes.map(async (node) => node.look()))
    const linkOf = (i: number, j: number): string | null =>
      looks[i]?.peers.find(({ id }) => id === this.node(j).id)?.linkId ?? null
    return this.nodes.flatMap(({ name, id: own }, i) => {
      const look = looks[i] ?? null
      if (look === null) return [`${name} does not answer`]
      const known = new Set(this.nodes.map(({ id }) => id).filter((id) => id !== own))
      const mates = this.nodes.length - 1
      return [
        ...look.peers.filter(({ id }) => !known.has(id)).map(({ id }) => `${name} is linked to ${id}`),
        ...look.peers.filter(({ suspect }) => suspect).map(({ id }) => `${name} suspects ${this.nameOf(id)}`),
        ...(look.sockets === mates ? [] : [`${name} has ${String(look.sockets)} sockets`]),
        ...this.nodes.flatMap((other, j) => {
          if (j === i) return []
          const link = linkOf(i, j)
          if (link === null) return [`${name} is without ${other.name}`]
          return link === linkOf(j, i) ? [] : [`${name} and ${other.name} mean different links`]
        }),
      ]
    })
  }

  /** Every node asks every other: who did not answer, or not with its present process. */
  async mute(): Promise<readonly string[]> {
    const answers = await Promise.all(this.nodes.map(async (node) => node.ask()))
    return this.nodes.flatMap((asker, i) =>
      this.nodes.flatMap((other) => {
        const answer = answers[i]?.[other.id]
        return other === asker || answer === other.boot ? [] : [`${asker.name} of ${other.name}: ${String(answer)}`]
      }),
    )
  }

  nameOf(peerId: PeerId): string {
    return this.nodes.find(({ id }) => id === peerId)?.name ?? peerId
  }

  /** What all nodes told of one kind, as `who whom`. */
  tellings(event: Told['event']): readonly string[] {
    return this.nodes.flatMap(({ name, told }) =>
      told
        .filter((each) => each.event === event)
        .map(({ peer, code = '' }) => `${name} ${this.nameOf(peer)} ${code}`.trim()),
    )
  }
}
