/** Contract cases about how links come to be: dials, their cancelling, and listeners. */
import type { Reason } from '../errors.js'
import type { Link } from '../ports/transport.js'
import type { Address } from '../ports/types.js'
import { check, pattern, same } from './transport-contract-probe.js'
import { closing } from './transport-contract-world.js'
import type { World } from './transport-contract-world.js'

export const DIAL_CASES: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'a dial opens one link, and the listener accepts one': async (world) => {
    await world.connect()
    await world.settled()
    same(world.accepted.length, 0, 'further links accepted')
  },

  'a dial that is refused fails once, with a named reason': async (world) => {
    const dial = world.dialled(world.harness.refusedAddress)
    await world.until(() => dial.failures.length > 0)
    await world.settled()
    same(dial.links.length, 0, 'links opened')
    same(dial.failures.length, 1, 'failures')
    named(dial.failures[0])
    dial.cancel()
  },

  'a dial that is cancelled first tells nothing': async (world) => {
    const dial = world.dialled(world.address)
    dial.cancel()
    dial.cancel()
    await world.settled()
    same(dial.links.length + dial.failures.length, 0, 'events')
    for (const link of world.accepted.splice(0)) await world.probe(link).open().gone()
  },

  'a dial that would have been refused tells nothing when it is cancelled': async (world) => {
    const dial = world.dialled(world.harness.refusedAddress)
    dial.cancel()
    await world.settled()
    same(dial.links.length + dial.failures.length, 0, 'events')
  },

  'a dial to an address that never answers can be cancelled': async (world) => {
    const { silentAddress } = world.harness
    if (silentAddress === undefined) return
    const dial = world.dialled(silentAddress)
    await world.settled()
    same(dial.links.length + dial.failures.length, 0, 'events before the cancel')
    dial.cancel()
    await world.settled()
    same(dial.links.length + dial.failures.length, 0, 'events')
  },

  'cancelling after the link opened does nothing': async (world) => {
    const dial = world.dialled(world.address)
    await world.until(() => dial.links.length > 0 && world.accepted.length > 0)
    dial.cancel()
    dial.cancel()
    const [near] = dial.links
    const [far] = world.accepted
    check(near !== undefined && far !== undefined, 'no link was opened')
    const reader = world.probe(far).open()
    world.probe(near).open().write(pattern(100))
    await reader.received(100)
  },

  'a link knows its far end': async (world) => {
    const { near, far } = await world.connect()
    const { host } = world.address
    if (near.link.remote !== null) same(near.link.remote.port, world.address.port, 'port of the listener')
    for (const { remote } of [near.link, far.link]) {
      if (remote === null) continue
      check(remote.host !== '' && !/^\[|^::ffff:\d+\./i.test(remote.host), `${remote.host} is not a plain host`)
      check(Number.isInteger(remote.port) && remote.port > 0 && remote.port < 65_536, 'a port is from 1 to 65535')
    }
    const isLiteral = /^[\d.]+$|:/.test(host)
    if (isLiteral && near.link.remote !== null) same(near.link.remote.host, host, 'host of the listener')
  },

  'a listener tells its real port': async (world) => {
    const { port } = world.address
    check(Number.isInteger(port) && port > 0 && port < 65_536, `${String(port)} is not a port`)
  },

  'a second listener on one address fails with a named reason': async (world) => {
    const reason = await new Promise<Reason>((resolve, reject) => {
      world.transport.listen?.(world.address, {
        listening: () => {
          reject(new Error('two listeners share one address'))
        },
        accepted: () => undefined,
        failed: resolve,
      })
    })
    named(reason)
    const { near, far } = await world.connected()
    near.write(pattern(1))
    await far.received(1)
  },

  'two listeners keep their links apart': async (world) => {
    const links: Link[] = []
    const other = await world.listen(anyPort(world), (link) => links.push(link))
    check(other.address.port !== world.address.port, 'two listeners share one port')
    await world.connect(other.address, 0, links)
    same(world.accepted.length, 0, 'links at the listener that was not dialled')
    await world.connect()
    same(links.length, 0, 'links at the listener that was not dialled')
    await closing(other.listener)
  },

  'closing a listener frees its address while its links live on': async (world) => {
    const first: Link[] = []
    const second: Link[] = []
    const { listener, address } = await world.listen(anyPort(world), (link) => first.push(link))
    const old = await world.connect(address, 0, first)
    old.near.open()
    old.far.open()
    await closing(listener)
    const again = await world.listen(address, (link) => second.push(link))
    const fresh = await world.connect(address, 0, second)
    fresh.near.open().write(pattern(10))
    await fresh.far.open().received(10)
    old.near.write(pattern(100_000))
    old.far.write(pattern(100_000))
    await Promise.all([old.near.received(100_000), old.far.received(100_000)])
    await closing(again.listener)
  },

  'a closed listener accepts no more': async (world) => {
    const links: Link[] = []
    const { listener, address } = await world.listen(anyPort(world), (link) => links.push(link))
    await closing(listener)
    const dial = world.dialled(address)
    await world.until(() => dial.failures.length > 0)
    named(dial.failures[0])
    same(links.length, 0, 'links accepted')
  },

  'done is called after the call of close, and for each call': async (world) => {
    const { listener } = await world.listen(anyPort(world), () => undefined)
    let done = 0
    const count = (): void => {
      done++
      world.changed()
    }
    listener.close(count)
    listener.close(count)
    same(done, 0, 'calls of done within close')
    await world.until(() => done === 2)
  },

  'a listener that is closed before it listens says nothing and frees its address': async (world) => {
    let told = 0
    const tell = (): void => {
      told++
    }
    const listener = world.transport.listen?.(anyPort(world), { listening: tell, accepted: tell, failed: tell })
    check(listener !== undefined, 'the contract is for transports that can listen')
    await closing(listener)
    await world.settled()
    same(told, 0, 'events')
  },
}

function anyPort(world: World): Address {
  return { ...world.harness.listenOn, port: 0 }
}

function named(reason: Reason | undefined): void {
  check(reason !== undefined && reason.code.length > 0, 'a failure without a code')
  check(['local', 'remote', 'network'].includes(reason.fault), 'a failure without a fault')
}
