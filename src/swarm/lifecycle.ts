/**
 * How a swarm begins and ends: what is kept is read, the identity signs, the listeners open, and then the peers are dialled; in
 * the end everything is told, given back and saved. Once stopped it stays so.
 */
import { checkNames, HoldfastError, invalidOption } from '../errors.js'
import { formatAddress, isPrivate } from '../policy/address.js'
import type { Ban } from '../policy/ban.js'
import type { Address, PeerId } from '../ports/types.js'
import { isPeerId } from '../protocol/peer-id.js'
import type { SwarmContext } from './context.js'
import { DirectoryReader } from './directory-reader.js'
import { FOREVER_MS } from './discipline.js'
import type { Kept } from './keeper.js'
import { Keeper } from './keeper.js'
import { Listeners } from './listeners.js'
import type { Membership } from './membership.js'
import type { SwarmStatus } from './status.js'

/** How a swarm stops. */
export interface StopOptions {
  /** A planned absence: peers are told not to come back before this many milliseconds, at most 30 days. Default: they come back when they will. */
  readonly backInMs?: number
}

/** Links get this long to send what waits and to close, when the swarm stops; and what is kept, to be saved. */
const STOP_MS = 500
const BACK_MAX_MS = 30 * 86_400_000

export class Lifecycle {
  readonly #context: SwarmContext
  readonly #membership: Membership
  readonly #listeners: Listeners
  readonly #directory: DirectoryReader | null
  readonly #keeper: Keeper
  #state: SwarmStatus['state'] = 'new'
  #startedAt: number | null = null
  #stopped: Promise<void> | null = null

  constructor(context: SwarmContext, membership: Membership) {
    const { settings, agenda, emitter } = context
    this.#context = context
    this.#membership = membership
    const failed = (error: HoldfastError): void => {
      emitter.emit('error', error)
    }
    const listed = (addresses: readonly Address[]): void => {
      this.#membership.whitelist.setDirectory(addresses)
    }
    const saidBefore = (addresses: readonly Address[]): void => {
      this.#membership.whitelist.saidBefore(addresses)
    }
    const { directory } = settings
    this.#directory =
      directory === null ? null : new DirectoryReader({ ...settings, directory, agenda, listed, saidBefore, failed })
    const restored = this.#restored.bind(this)
    this.#keeper = new Keeper({ storage: settings.storage, agenda, kept: this.#kept(), failed, restored })
    this.#listeners = new Listeners(settings.transports, {
      accepted: (link) => {
        membership.gate.accept(link)
      },
      refused: (remote, reason) => {
        membership.refusedInbound(null, remote, reason)
      },
    })
  }

  get state(): SwarmStatus['state'] {
    return this.#state
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  get uptimeMs(): number {
    return this.#startedAt === null ? 0 : this.#context.agenda.now() - this.#startedAt
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses.map((address) => this.#named(address))
  }

  async start(): Promise<void> {
    if (this.#state !== 'new')
      throw new HoldfastError('already-running', `this swarm is ${this.#state}; make a new one`)
    this.#state = 'starting'
    try {
      await new Promise<void>((resolve, reject) => {
        this.#open(resolve, reject)
      })
    } catch (error) {
      await this.stop({})
      throw error
    }
  }

  async stop(options: StopOptions): Promise<void> {
    checkNames('stop', options, ['backInMs'])
    const { backInMs = 0 } = options
    if (typeof backInMs !== 'number' || !(backInMs >= 0 && backInMs <= BACK_MAX_MS))
      throw invalidOption('backInMs', backInMs, `a number from 0 to ${String(BACK_MAX_MS)}`)
    this.#stopped ??= this.#stop(options)
    return this.#stopped
  }

  /** Callbacks all the way, so that a simulation can start a swarm between two of its events. */
  #open(done: () => void, failed: (error: HoldfastError) => void): void {
    const { settings, emitter, log } = this.#context
    let waiting = settings.listen.length
    // Stopped meanwhile: nothing may begin now.
    const unlessStopped = (run: () => void): void => {
      if (this.#state === 'starting') run()
      else done()
    }
    const begin = (): void => {
      unlessStopped(() => {
        this.#begin()
        done()
      })
    }
    const opened = (bound: Address): void => {
      log('info', `listening at ${formatAddress(bound)}`)
      emitter.emit('listening', this.#named(bound))
      waiting--
      if (waiting === 0) begin()
    }
    const broke = (error: HoldfastError): void => {
      if (this.#startedAt === null) failed(error)
      else emitter.emit('error', error)
    }
    const listen = (): void => {
      for (const address of settings.listen) this.#listeners.open(address, opened, broke)
      if (settings.listen.length === 0) begin()
    }
    this.#keeper.load(() => {
      unlessStopped(() => {
        this.#membership.credentials.start(() => {
          unlessStopped(listen)
        }, failed)
      })
    })
  }

  #begin(): void {
    this.#state = 'running'
    this.#startedAt = this.#context.agenda.now()
    this.#membership.announced = this.#announced()
    const { whitelist, upkeep } = this.#membership
    // The host hears of what fails at once, and may stop the swarm there.
    for (const part of [whitelist, upkeep.maintainer, this.#directory, this.#keeper]) if (this.isRunning) part?.start()
  }

  /** What pins and bans say that were read late holds for the links that there are, too. */
  #restored(): void {
    if (!this.isRunning) return
    const { agenda, settings } = this.#context
    const { whitelist, links } = this.#membership
    whitelist.readLate()
    // Only what the host has said: what strikes came to ends no more links at once than they do at any time.
    const ordered = settings.blacklist.list(agenda.now()).filter(({ by }) => by === 'host')
    const bans = new Map<string, Ban>(ordered.map((ban) => [ban.key, ban]))
    this.#membership.end(links, (connection) => {
      const ban = bans.get(connection.peerId ?? '')
      if (ban === undefined) return
      const retryAfterMs = ban.untilAt === 'permanent' ? FOREVER_MS : ban.untilAt - agenda.now()
      connection.close('banned', { retryAfterMs, text: ban.cause })
    })
  }

  #kept(): readonly Kept[] {
    const { settings, agenda, scores } = this.#context
    const { peerStore, blacklist, clock, crypto } = settings
    const directory = this.#directory
    const kept: Kept[] = [
      {
        name: 'peers',
        snapshot: () => peerStore.snapshot(agenda.now()),
        restore: (value) => {
          peerStore.restore(value, clock.wall(), (text): text is PeerId => isPeerId(text, crypto))
        },
      },
      {
        name: 'bans',
        snapshot: () => blacklist.toJSON(agenda.now(), clock.wall()),
        restore: (value) => {
          blacklist.restore(value, agenda.now(), clock.wall())
        },
      },
      {
        name: 'scores',
        snapshot: () => scores.snapshot(agenda.now()),
        restore: (value) => {
          scores.restore(value, agenda.now())
        },
      },
    ]
    if (directory !== null)
      kept.push({
        name: 'directory',
        snapshot: () => directory.snapshot(),
        restore: (value) => {
          directory.restore(value)
        },
      })
    return kept
  }

  #named(address: Address): string {
    return formatAddress({ ...address, peerId: this.#context.settings.identity.id })
  }

  /** Wildcards say nothing to others; a private address only helps where there is no other. */
  #announced(): readonly string[] {
    const { announce } = this.#context.settings
    const listening = announce ?? this.#listeners.addresses.filter(({ host }) => host !== '0.0.0.0' && host !== '::')
    const open = listening.filter(({ host }) => !isPrivate(host))
    return (open.length > 0 ? open : listening).map((address) => this.#named(address))
  }

  async #stop({ backInMs }: StopOptions): Promise<void> {
    const wasRunning = this.#startedAt !== null
    this.#state = 'stopping'
    const { agenda, log, emitter } = this.#context
    const { dialer, gate, credentials, links, upkeep } = this.#membership
    this.#directory?.stop()
    this.#keeper.stop()
    this.#membership.whitelist.stop()
    upkeep.maintainer.stop()
    upkeep.watch.stop()
    credentials.stop()
    dialer.stop()
    const freed = this.#listeners.close()
    this.#membership.end(links, (connection) => {
      connection.close('shutdown', backInMs === undefined ? {} : { retryAfterMs: backInMs })
    })
    gate.stop()
    this.#membership.traffic.stop()
    await this.#whenQuiet(wasRunning)
    await freed
    agenda.end()
    this.#state = 'stopped'
    log('info', 'stopped')
    emitter.end()
  }

  /** Resolves once every link is closed and everything is saved, or there has been time enough. */
  async #whenQuiet(saves: boolean): Promise<void> {
    const { links } = this.#membership
    let saving = saves
    let late = false
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (links.size === 0 && (!saving || late)) resolve()
      }
      this.#membership.linkGone = check
      this.#context.agenda.in(STOP_MS, () => {
        late = true
        if (saving) this.#keeper.leave()
        for (const connection of [...links]) connection.destroy()
        check()
      })
      if (saves)
        this.#keeper.save(() => {
          saving = false
          check()
        })
      check()
    })
  }
}
