/** Who is a masternode where addresses are listed alone, now and then by name, and somebody else may answer there. */
import { describe, expect, it } from 'vitest'
import type { DirectoryAnswer } from '../../src/ports/discovery.js'
import type { Storage } from '../../src/ports/storage.js'
import type { Identity } from '../../src/swarm/identity.js'
import { identityFromSeed } from '../../src/swarm/identity.js'
import { Swarm } from '../../src/swarm/swarm.js'
import { memoryStorage } from '../../src/storage/memory.js'
import type { SimHost } from '../../src/testing/index.js'
import { nullCrypto, SeededRandom, SimClock, SimNetwork, SimTime, Trace } from '../../src/testing/index.js'

const MINUTE_MS = 60_000
/** Who lives where at home, and names that nobody has but who is listed. */
const [HOME, OWNER, OTHER, STRANGER, FARAWAY] = [0, 1, 2, 3, 7]
/** The place in question, and another. */
const [HERE, THERE] = [1, 2]

interface Config {
  readonly masternodes?: readonly string[]
  readonly persistent?: readonly string[]
}

/** One node that reads a directory, and places at which anybody may live. */
class Street {
  readonly #time = new SimTime()
  readonly #random = new SeededRandom(1)
  readonly #network = new SimNetwork(this.#time, this.#random.fork(), new Trace())
  readonly #hosts: readonly SimHost[] = Array.from({ length: 8 }, () => this.#network.addHost())
  readonly #identities: readonly Identity[] = Array.from({ length: 8 }, () =>
    identityFromSeed(this.#random.bytes(32), nullCrypto),
  )
  readonly #clocks = new Map<number, SimClock>()
  readonly #memory = memoryStorage()
  /** Names that cannot be read. */
  readonly #unread = new Set<string>()
  /** The one that is read after the others. */
  #last = ''
  #page: readonly string[] | null = null
  home: Swarm = this.begin({})

  id(who: number): string {
    return this.#identities[who]?.id ?? ''
  }

  at(house: number, who: number | null = null): string {
    return `tcp://${who === null ? '' : `${this.id(who)}@`}${this.#hosts[house]?.ip ?? ''}:24100`
  }

  /** The process at home ends, and another begins. @param unread what it cannot read at first @param last what it reads last */
  begin(config: Config, unread: readonly string[] = [], last = ''): Swarm {
    this.#last = last
    for (const name of unread) this.#unread.add(name)
    const directory = {
      refreshMs: 20_000,
      list: ({ listed, failed }: DirectoryAnswer) => {
        if (this.#page === null) failed(new Error('none'))
        else listed(this.#page)
        return () => undefined
      },
    }
    this.home = this.live(HOME, HOME, { ...config, directory, storage: this.#storage() })
    this.home.on('error', () => undefined)
    return this.home
  }

  /** Somebody lives in a house from now on. */
  live(house: number, who: number, options: object = {}): Swarm {
    this.leave(house)
    const [host, identity] = [this.#hosts[house], this.#identities[who]]
    if (host === undefined || identity === undefined) throw new Error('nowhere, or nobody')
    host.up = true
    this.#network.revived()
    const clock = new SimClock(this.#time, { originMs: this.#random.below(1_000_000) })
    this.#clocks.set(house, clock)
    const transports = [this.#network.transport(host, clock)]
    const common = { network: 'ROAD', identity, transports, listen: [`tcp://${host.ip}:24100`] }
    const swarm = new Swarm({ ...common, ...options }, { crypto: nullCrypto, clock, random: this.#random.fork() })
    void swarm.start()
    return swarm
  }

  /** The same, and whoever it is dials home. */
  visit(house: number, who: number): void {
    this.live(house, who, { masternodes: [this.at(HOME, HOME)] })
  }

  leave(house: number): void {
    const [host, clock] = [this.#hosts[house], this.#clocks.get(house)]
    if (host !== undefined && clock !== undefined) this.#network.crash(host, clock, false)
    this.#clocks.delete(house)
  }

  /** The directory says so from now on; somebody far away is always listed. */
  async publish(...lines: readonly string[]): Promise<void> {
    this.#page = [this.at(FARAWAY, FARAWAY), ...lines]
    await this.pass(2)
  }

  /** A directory names one that lives there, and it is met. */
  async named(house: number, who: number): Promise<void> {
    await this.publish(this.at(house, who))
    this.live(house, who)
    await this.pass(5)
  }

  readable(): void {
    this.#unread.clear()
  }

  async pass(minutes: number): Promise<void> {
    for (let i = 0; i < minutes * 60; i++) {
      this.#time.run(MINUTE_MS / 60)
      await Promise.resolve()
    }
  }

  /** Which of these are listed as masternodes. */
  listed(...who: readonly number[]): readonly number[] {
    return who.filter((one) => this.home.masternodes.has(this.id(one) as never))
  }

  /** A stranger answers here for a while, and then the owner is back. */
  async squat(config: Config, unread: readonly string[] = []): Promise<readonly (readonly number[])[]> {
    this.live(HERE, STRANGER)
    this.begin(config, unread)
    await this.pass(5)
    const meanwhile = this.listed(OWNER, STRANGER)
    this.visit(HERE, OWNER)
    await this.pass(30)
    return [meanwhile, this.listed(OWNER, STRANGER)]
  }

  #storage(): Storage {
    return {
      load: (name, answer) => {
        if (this.#unread.has(name)) answer.failed(new Error('busy'))
        else if (this.#last === name)
          void Promise.resolve().then(() => {
            this.#memory.load(name, answer)
          })
        else this.#memory.load(name, answer)
      },
      save: (name, value, answer) => {
        this.#memory.save(name, value, answer)
      },
    }
  }
}

const SAFE = [[OWNER], [OWNER]]

describe('whoever was found at an address listed alone', () => {
  it.each(['by address', 'by id', 'by the directory'])(
    'has it also after a restart, where another was listed there meanwhile, and taken off again %s',
    async (how) => {
      const street = new Street()
      const config = { masternodes: [street.at(HERE)] }
      street.begin(config)
      street.live(HERE, OWNER)
      await street.pass(5)
      const named = street.at(HERE, OTHER)
      if (how === 'by the directory') {
        await street.publish(named)
        expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
        await street.publish()
      } else {
        street.home.masternodes.add(named)
        await street.pass(1)
        street.home.masternodes.remove(how === 'by id' ? street.id(OTHER) : named)
      }
      await street.pass(5)
      expect(await street.squat(config)).toEqual(SAFE)
    },
  )

  it('has it no more where the configuration named another there since, who was met', async () => {
    const street = new Street()
    const bare = { masternodes: [street.at(HERE)] }
    street.begin(bare)
    street.live(HERE, OTHER)
    await street.pass(5)
    street.live(HERE, OWNER)
    street.begin({ masternodes: [street.at(HERE, OWNER)] })
    await street.pass(5)
    street.begin(bare)
    street.visit(THERE, OTHER)
    await street.pass(30)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER])
  })

  it('has it no more where the directory named another there before the pins could be read', async () => {
    const street = new Street()
    const bare = { masternodes: [] }
    await street.publish(street.at(HERE))
    street.begin(bare)
    street.live(HERE, OTHER)
    await street.pass(5)
    street.live(HERE, OWNER)
    await street.publish(street.at(HERE, OWNER))
    street.begin(bare, ['peers'])
    await street.pass(1)
    await street.publish(street.at(HERE))
    street.readable()
    await street.pass(10)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER])
  })

  it('has it in spite of one whom a directory names there from the start, and who lives elsewhere', async () => {
    const street = new Street()
    await street.publish(street.at(THERE, OTHER), street.at(HERE, OTHER))
    street.begin({ masternodes: [street.at(HERE)] })
    street.live(HERE, OWNER)
    street.live(THERE, OTHER)
    await street.pass(5)
    await street.publish(street.at(THERE, OTHER))
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
  })
})

describe('whom a directory named where it names nobody now', () => {
  it.each([[[]], [['peers']], [['directory']]])(
    'is there after a restart, too, also on a link that was never dialled again; unread at first: %j',
    async (unread) => {
      const street = new Street()
      street.begin({})
      await street.named(HERE, OWNER)
      if (unread.length === 0) await street.publish(street.at(HERE))
      // The last list still names it: the next process hears only the other.
      street.leave(HOME)
      await street.publish(street.at(HERE))
      const safe = await street.squat({}, unread)
      if (unread[0] !== 'peers') expect(safe).toEqual(SAFE)
      street.readable()
      await street.pass(30)
      expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
    },
  )

  it.each([[[OTHER, OWNER]], [[OWNER, OTHER]]])(
    'is whoever of several was met there last, in whatever order: %j',
    async (order) => {
      const street = new Street()
      street.begin({})
      await street.named(HERE, OTHER)
      await street.publish(...order.map((who) => street.at(HERE, who)))
      street.visit(HERE, OWNER)
      await street.pass(5)
      await street.publish(street.at(HERE))
      await street.pass(30)
      expect(street.listed(OWNER, OTHER)).toEqual([OWNER])
    },
  )

  it.each([
    ['was named here before', false, false],
    ['was named here before, and was found since', false, true],
    ['was first found here', true, false],
  ])('has moved where the directory names it elsewhere, which %s', async (_title, isFoundFirst, isRedialled) => {
    const street = new Street()
    street.begin({})
    if (isFoundFirst) await street.publish(street.at(HERE))
    street.live(HERE, OTHER)
    if (isFoundFirst) await street.pass(5)
    await street.publish(street.at(HERE, OTHER))
    await street.pass(5)
    await street.publish(street.at(HERE))
    if (isRedialled) street.live(HERE, OTHER)
    await street.pass(5)
    street.live(THERE, OTHER)
    street.live(HERE, OWNER)
    await street.publish(street.at(THERE, OTHER), street.at(HERE))
    await street.pass(60)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
  })
})

describe('one that was met', () => {
  it.each([false, true])(
    'has the place where a directory named it before it came there; restarted: %s',
    async (isRestarted) => {
      const street = new Street()
      street.begin({})
      await street.named(THERE, OWNER)
      street.leave(THERE)
      await street.publish(street.at(HERE, OWNER))
      if (isRestarted) street.begin({})
      await street.publish(street.at(HERE))
      street.live(HERE, STRANGER)
      await street.pass(5)
      expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
      street.visit(HERE, OWNER)
      await street.pass(10)
      expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
    },
  )

  it.each([[[OWNER, OTHER]], [[OWNER, OTHER, FARAWAY - 1]]])(
    'has the place where another of those who were named there is named no more: %j',
    async (all) => {
      const street = new Street()
      street.begin({})
      await street.publish(...all.map((who) => street.at(HERE, who)))
      for (const [i, who] of all.entries()) if (who !== OTHER) street.visit(i + 1, who)
      await street.pass(5)
      street.visit(5, OTHER)
      await street.pass(5)
      const left = all.filter((who) => who !== OTHER)
      await street.publish(...left.map((who) => street.at(HERE, who)))
      await street.pass(5)
      expect(street.listed(...all)).toEqual(left)
      await street.publish(street.at(HERE))
      street.leave(1)
      street.live(HERE, STRANGER)
      await street.pass(10)
      expect(street.listed(...all, STRANGER)).toEqual([OWNER])
    },
  )

  it.each([
    ['the configuration', false, false],
    ['a directory in its place', true, false],
    ['a directory whose last list cannot be read', true, true],
  ])('has moved where %s names it elsewhere after a restart', async (_title, byDirectory, isUnread) => {
    const street = new Street()
    if (isUnread) await street.publish(street.at(HERE, OTHER))
    street.begin({ masternodes: isUnread ? [] : [street.at(HERE, OTHER)] })
    street.live(HERE, OTHER)
    await street.pass(5)
    street.leave(HOME)
    street.live(THERE, OTHER)
    street.live(HERE, OWNER)
    const lines = [street.at(THERE, OTHER), street.at(HERE)]
    if (byDirectory) await street.publish(...lines)
    street.begin({ masternodes: byDirectory ? [] : lines }, isUnread ? ['directory'] : [])
    await street.pass(10)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
  })

  it('is persistent where it was found, though it is no masternode any more, and nobody else is there', async () => {
    const street = new Street()
    street.begin({ persistent: [street.at(HERE)] })
    await street.publish(street.at(HERE))
    street.live(HERE, OWNER)
    await street.pass(5)
    street.home.masternodes.remove(street.id(OWNER))
    street.live(HERE, STRANGER)
    await street.pass(5)
    expect(street.listed(OWNER, STRANGER)).toEqual([])
    street.visit(HERE, OWNER)
    await street.pass(10)
    expect(street.home.peer(street.id(OWNER) as never)?.class).toBe('persistent')
  })
})

describe('one whom the host names where a directory names nobody', () => {
  it.each([false, true])(
    'is who is meant there, and nobody else, though it was never found there; met: %s',
    async (wasMet) => {
      const street = new Street()
      await street.publish(street.at(HERE))
      street.begin({ masternodes: [street.at(HERE, OWNER)] })
      // It dials us, and cannot be dialled where it is named.
      if (wasMet) street.visit(5, OWNER)
      await street.pass(5)
      street.leave(5)
      street.live(HERE, STRANGER)
      await street.pass(10)
      expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
      street.begin({ masternodes: [street.at(HERE, OWNER)] })
      await street.pass(10)
      expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
    },
  )

  it('is not who is meant there once the host names nobody there either, nor who was named elsewhere by then', async () => {
    for (const isNamedElsewhere of [false, true]) {
      const street = new Street()
      street.begin({ masternodes: [street.at(HERE, OTHER)] })
      street.live(HERE, OTHER)
      await street.pass(5)
      street.live(HERE, OWNER)
      street.live(THERE, OTHER)
      if (isNamedElsewhere) await street.publish(street.at(THERE, OTHER))
      street.begin({ masternodes: [street.at(HERE)] })
      await street.pass(10)
      expect(street.listed(OWNER, OTHER)).toEqual(isNamedElsewhere ? [OWNER, OTHER] : [OWNER])
    }
  })
})

describe('a key that was revoked', () => {
  it('is no masternode’s after a restart, whoever answers where it was', async () => {
    const street = new Street()
    const bare = { masternodes: [street.at(HERE)] }
    street.begin(bare)
    street.live(HERE, OTHER)
    await street.pass(5)
    street.home.masternodes.replace(street.id(OTHER) as never, street.at(HERE, OWNER))
    street.leave(HERE)
    await street.pass(5)
    street.begin(bare)
    street.visit(THERE, OTHER)
    await street.pass(5)
    street.live(HERE, STRANGER)
    await street.pass(10)
    expect(street.listed(OTHER)).toEqual([])
    expect(street.home.peer(street.id(OTHER) as never)?.class).not.toBe('masternode')
  })
})

describe('a key that was revoked elsewhere', () => {
  it('is nobody’s where an older configuration had it', async () => {
    const street = new Street()
    street.begin({ masternodes: [street.at(HERE)] })
    street.live(HERE, OTHER)
    await street.pass(5)
    street.live(THERE, OTHER)
    street.begin({ masternodes: [street.at(THERE, OTHER)] })
    await street.pass(5)
    expect(street.home.masternodes.remove(street.id(OTHER), { revoked: true })).toBe(true)
    await street.pass(5)
    street.begin({ masternodes: [street.at(HERE)] })
    street.live(HERE, OWNER)
    await street.pass(10)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER])
  })
})

describe('what is read late of who was met', () => {
  it('holds for whom a directory named meanwhile where it had not been', async () => {
    const street = new Street()
    street.begin({})
    await street.named(THERE, OWNER)
    street.leave(THERE)
    await street.publish(street.at(HERE, OWNER))
    street.begin({}, ['peers'])
    await street.pass(3)
    street.readable()
    await street.pass(10)
    await street.publish(street.at(HERE))
    street.live(HERE, STRANGER)
    await street.pass(10)
    expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
  })

  it('says who of several that a directory names at one address is the one, whichever is read first', async () => {
    for (const unread of [[], ['peers'], ['directory']]) {
      const street = new Street()
      street.begin({})
      await street.publish(street.at(HERE, OTHER), street.at(HERE, OWNER))
      street.live(HERE, OTHER)
      await street.pass(5)
      street.visit(HERE, OWNER)
      await street.pass(5)
      street.leave(HERE)
      street.begin({}, unread)
      await street.pass(3)
      street.readable()
      await street.pass(10)
      await street.publish(street.at(HERE))
      expect(street.listed(OWNER, OTHER), String(unread)).toEqual([OWNER])
    }
  })
})

describe('an address that is revoked', () => {
  it('is that of everybody who is known there, whoever listed it', async () => {
    const street = new Street()
    street.begin({ persistent: [street.at(HERE)] })
    await street.publish(street.at(HERE, OTHER), street.at(HERE, OWNER))
    street.visit(HERE, OWNER)
    await street.pass(5)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
    expect(street.home.masternodes.remove(street.at(HERE), { revoked: true })).toBe(true)
    for (const minutes of [0, 10]) {
      await street.pass(minutes)
      expect(street.listed(OWNER, OTHER)).toEqual([])
      expect(street.home.peer(street.id(OWNER) as never)?.class ?? 'unknown').toBe('unknown')
    }
  })
})

describe('whoever was found where a directory lists the address alone', () => {
  it('stays it while the directory says the same, whatever else of that one the host takes off the list', async () => {
    const street = new Street()
    street.begin({})
    await street.publish(street.at(THERE, OWNER), street.at(HERE))
    street.visit(HERE, OWNER)
    await street.pass(5)
    street.leave(HERE)
    expect(street.home.masternodes.remove(street.at(THERE))).toBe(true)
    street.live(HERE, STRANGER)
    await street.pass(10)
    street.visit(HERE, OWNER)
    await street.pass(10)
    expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
  })

  it.each([
    ['by the host', true],
    ['by the directory', false],
  ])('has it back from another whom the directory named there, too; listed alone %s', async (_title, isHosts) => {
    for (const unread of [[], ['peers']]) {
      const street = new Street()
      const alone = isHosts ? [] : [street.at(HERE)]
      const config = { masternodes: isHosts ? [street.at(HERE)] : [] }
      street.begin(config)
      await street.publish(...alone)
      street.live(HERE, OWNER)
      await street.pass(5)
      await street.publish(...alone, street.at(HERE, OTHER))
      street.live(HERE, OTHER)
      street.begin(config, unread)
      await street.pass(1)
      street.readable()
      await street.pass(6)
      await street.publish(...alone)
      street.visit(5, OTHER)
      street.visit(HERE, OWNER)
      await street.pass(30)
      expect(street.listed(OWNER, OTHER), String(unread)).toEqual([OWNER])
    }
  })

  it.each([false, true])('is it no more once the host names another there; restarted: %s', async (isRestarted) => {
    const street = new Street()
    street.begin({})
    street.live(HERE, STRANGER)
    await street.publish(street.at(HERE))
    await street.pass(5)
    expect(street.listed(STRANGER)).toEqual([STRANGER])
    if (isRestarted) street.begin({ masternodes: [street.at(HERE, OWNER)] })
    else street.home.masternodes.add(street.at(HERE, OWNER))
    street.live(HERE, OWNER)
    street.visit(THERE, STRANGER)
    await street.pass(30)
    expect(street.listed(OWNER, STRANGER)).toEqual([OWNER])
    expect(street.home.peer(street.id(STRANGER) as never)?.class).not.toBe('masternode')
  })

  it.each([[[]], [['directory']]])(
    'has moved where it is named elsewhere after a restart, whenever the last list is read; not at once: %j',
    async (unread) => {
      const street = new Street()
      street.begin({})
      street.live(HERE, OTHER)
      await street.publish(street.at(HERE))
      await street.pass(5)
      street.leave(HOME)
      street.live(THERE, OTHER)
      await street.publish(street.at(THERE, OTHER), street.at(HERE))
      street.visit(HERE, OWNER)
      street.begin({}, unread)
      await street.pass(5)
      street.readable()
      await street.pass(10)
      expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
    },
  )
})

describe('whatever is read late, and in whatever order', () => {
  const LATE = [[], ['peers'], ['directory'], ['peers', 'directory']]

  it('leaves whom our own dial has found since where it was found, wherever else it is named by now', async () => {
    for (const unread of LATE) {
      const street = new Street()
      street.begin({})
      street.live(THERE, OWNER)
      await street.publish(street.at(HERE), street.at(THERE, OWNER))
      street.leave(HOME)
      street.leave(THERE)
      street.live(HERE, OWNER)
      await street.publish(street.at(HERE), street.at(5, OWNER))
      street.begin({}, unread)
      await street.pass(3)
      street.leave(HERE)
      street.readable()
      street.live(HERE, STRANGER)
      await street.pass(10)
      expect(street.listed(OWNER, STRANGER), String(unread)).toEqual([OWNER])
    }
  })

  it.each([true, false])(
    'gives one its place back whom the directory names there no more; alone before: %s',
    async (isBoth) => {
      for (const unread of LATE) {
        const street = new Street()
        street.begin({})
        await street.publish(...(isBoth ? [street.at(HERE)] : []), street.at(HERE, OWNER))
        street.live(HERE, OWNER)
        await street.pass(5)
        street.leave(HOME)
        street.live(HERE, STRANGER)
        await street.publish(street.at(HERE))
        street.begin({}, unread)
        await street.pass(2)
        street.readable()
        await street.pass(10)
        street.visit(5, STRANGER)
        street.visit(HERE, OWNER)
        await street.pass(30)
        expect(street.listed(OWNER, STRANGER), String(unread)).toEqual([OWNER])
      }
    },
  )

  it.each([true, false])(
    'leaves who has moved where it is now, and its old place to another; before the start: %s',
    async (isBefore) => {
      for (const unread of LATE) {
        const street = new Street()
        street.begin({})
        street.live(HERE, OTHER)
        await street.publish(street.at(HERE))
        await street.pass(5)
        if (isBefore) street.leave(HOME)
        street.visit(THERE, OTHER)
        street.live(HERE, OWNER)
        if (!isBefore) street.begin({}, unread)
        await street.publish(street.at(HERE), street.at(THERE, OTHER))
        if (isBefore) street.begin({}, unread)
        await street.pass(2)
        street.readable()
        await street.pass(30)
        expect(street.listed(OWNER, OTHER), String(unread)).toEqual([OWNER, OTHER])
      }
    },
  )

  it('gives a key that was revoked no place that it had before, once it is named elsewhere', async () => {
    const street = new Street()
    const config = { masternodes: [street.at(HERE)] }
    street.begin(config)
    street.live(HERE, OTHER)
    await street.pass(5)
    street.live(HERE, OWNER)
    street.begin(config, ['peers'])
    street.home.masternodes.remove(street.id(OTHER), { revoked: true })
    await street.pass(1)
    street.home.masternodes.add(street.at(THERE, OTHER))
    street.live(THERE, OTHER)
    street.readable()
    await street.pass(10)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
    expect(street.home.peer(street.id(OWNER) as never)?.class).toBe('masternode')
  })

  it('gives one its place back where the host names others, too', async () => {
    for (const unread of LATE) {
      const street = new Street()
      street.begin({ masternodes: [street.at(HERE)] })
      street.live(HERE, OWNER)
      await street.pass(5)
      street.live(HERE, OTHER)
      street.begin({ masternodes: [street.at(HERE), street.at(HERE, OTHER)] }, unread)
      street.visit(5, OWNER)
      await street.pass(2)
      street.readable()
      await street.pass(10)
      expect(street.listed(OWNER, OTHER), String(unread)).toEqual([OWNER, OTHER])
    }
  })

  it('leaves one its place whom the directory named there for a while', async () => {
    for (const unread of LATE) {
      const street = new Street()
      street.begin({})
      street.live(HERE, OWNER)
      await street.publish(street.at(HERE))
      await street.pass(5)
      street.begin({}, unread)
      await street.publish(street.at(HERE, OWNER))
      await street.publish(street.at(HERE))
      street.live(HERE, STRANGER)
      street.readable()
      await street.pass(10)
      expect(street.listed(OWNER, STRANGER), String(unread)).toEqual([OWNER])
    }
  })

  it('leaves one its place where the address was not listed meanwhile', async () => {
    for (const unread of [...LATE, ['scores']]) {
      const street = new Street()
      street.begin({ masternodes: [street.at(HERE)] })
      street.live(HERE, OWNER)
      await street.pass(5)
      street.leave(HERE)
      await street.publish(street.at(FARAWAY, FARAWAY))
      street.begin({}, unread)
      await street.publish(street.at(THERE, OWNER))
      street.readable()
      await street.pass(10)
      street.begin({ masternodes: [street.at(HERE)] })
      street.live(HERE, STRANGER)
      await street.pass(10)
      expect(street.listed(OWNER, STRANGER), String(unread)).toEqual([OWNER])
    }
  })

  it('makes nobody of one that was banned while the line was out, whichever of the names is read first', async () => {
    for (const last of ['', 'bans', 'peers', 'directory']) {
      const street = new Street()
      street.begin({ masternodes: [street.at(HERE)] })
      street.live(HERE, OWNER)
      await street.publish(street.at(FARAWAY, FARAWAY))
      await street.pass(5)
      expect(street.listed(OWNER)).toEqual([OWNER])
      street.begin({})
      await street.pass(5)
      street.home.ban(street.id(OWNER))
      await street.pass(5)
      street.begin({ masternodes: [street.at(HERE)] }, [], last)
      await street.pass(30)
      expect(street.listed(OWNER), last).toEqual([])
    }
  })
})

describe('one answer of a directory', () => {
  it('that leaves a line out takes it off: whoever is found there next has the place', async () => {
    const street = new Street()
    await street.publish(street.at(HERE))
    street.live(HERE, OWNER)
    await street.pass(10)
    await street.publish()
    expect(street.listed(OWNER)).toEqual([])
    await street.publish(street.at(THERE, OWNER))
    street.live(THERE, OWNER)
    street.live(HERE, OTHER)
    await street.publish(street.at(HERE), street.at(THERE, OWNER))
    await street.pass(30)
    expect(street.listed(OWNER, OTHER)).toEqual([OWNER, OTHER])
  })
})
