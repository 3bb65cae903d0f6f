/** Contract cases about ends: half-closes, closes and destruction, each in every order. */
import { saturate } from './transport-contract-bytes.js'
import { check, pattern, same } from './transport-contract-probe.js'
import type { Probe } from './transport-contract-probe.js'
import type { World } from './transport-contract-world.js'

export const END_CASES: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'the dialler ends first, then the listener: both see an end and an orderly close': async (world) => {
    const { near, far } = await world.connected()
    await endInTurn(near, far)
  },

  'the listener ends first, then the dialler: both see an end and an orderly close': async (world) => {
    const { near, far } = await world.connected()
    await endInTurn(far, near)
  },

  'both ends at once: both see an end and an orderly close': async (world) => {
    const { near, far } = await world.connected()
    near.write(pattern(10))
    far.write(pattern(20))
    near.end()
    far.end()
    await Promise.all([near.sawClose('closed'), far.sawClose('closed')])
    same(near.log.join(), 'data,ended,closed', 'events of the dialler')
    same(far.log.join(), 'data,ended,closed', 'events of the listener')
  },

  'an owner may end from within ended': async (world) => {
    const { near, far } = await world.connect()
    far.open()
    near.open()
    far.onEnded = () => {
      far.end()
    }
    near.end()
    await Promise.all([near.sawClose('closed'), far.sawClose('closed')])
  },

  'one end alone closes nothing': async (world) => {
    const { near, far } = await world.connected()
    near.end()
    await far.sawEnd()
    await world.settled()
    same(near.log.join(), '', 'events of the side that ended')
    same(far.log.join(), 'ended', 'events of the other side')
  },

  'data still flows to a side that has ended': async (world) => {
    const { near, far } = await world.connected()
    near.end()
    await far.sawEnd()
    far.write(pattern(300_000))
    await near.received(300_000)
    far.write(pattern(5, 300_000))
    far.end()
    await near.received(300_005)
    await Promise.all([near.sawClose('closed'), far.sawClose('closed')])
  },

  'everything written before end is delivered before ended': async (world) => {
    const { near, far } = await world.connected()
    near.write(pattern(3_000_000))
    near.end()
    await far.sawEnd()
    same(far.bytes, 3_000_000, 'bytes before the end')
  },

  'end and data that come before open are kept': async (world) => {
    const { near, far } = await world.connect()
    near.write(pattern(1_000))
    near.end()
    await world.settled()
    far.open()
    near.open()
    await far.sawEnd()
    same(far.bytes, 1_000, 'bytes before the end')
    far.end()
    await Promise.all([near.sawClose('closed'), far.sawClose('closed')])
  },

  'an end without a byte that comes before open is kept, on either side': async (world) => {
    const { near, far } = await world.connect()
    near.end()
    far.end()
    await world.settled()
    near.open()
    far.open()
    await Promise.all([near.sawClose('closed'), far.sawClose('closed')])
    same(near.log.join(), 'ended,closed', 'events of the dialler')
    same(far.log.join(), 'ended,closed', 'events of the listener')
  },

  'ending twice is ending once': async (world) => {
    const { near, far } = await world.connected()
    near.end()
    near.end()
    await far.sawEnd()
    near.end()
    far.end()
    await Promise.all([near.sawClose('closed'), far.sawClose('closed')])
  },

  'what is written after end is dropped': async (world) => {
    const { near, far } = await world.connected()
    near.write(pattern(5))
    near.end()
    check(near.write(pattern(5_000_000, 5)), 'a write that is dropped returned false, and nothing will drain')
    await far.sawEnd()
    same(far.bytes, 5, 'bytes received')
    far.end()
    await Promise.all([near.sawClose('closed'), far.sawClose('closed')])
  },

  'destroying closes as aborted, and the other side learns that the link is gone': async (world) => {
    const { near, far } = await world.connected()
    near.write(pattern(10))
    await far.received(10)
    near.destroy()
    await near.sawClose('aborted')
    await goneFor(far)
  },

  'the listening side may destroy just as well': async (world) => {
    const { near, far } = await world.connected()
    far.destroy()
    await far.sawClose('aborted')
    await goneFor(near)
  },

  'destroying twice is destroying once': async (world) => {
    const { near, far } = await world.connected()
    near.destroy()
    near.destroy()
    await near.sawClose('aborted')
    near.destroy()
    await goneFor(far)
  },

  'both may destroy at once': async (world) => {
    const { near, far } = await world.connected()
    near.destroy()
    far.destroy()
    await Promise.all([near.sawClose('aborted'), far.sawClose('aborted')])
  },

  'destroying after end closes as aborted': async (world) => {
    const { near, far } = await world.connected()
    near.end()
    near.destroy()
    await near.sawClose('aborted')
    await goneFor(far)
  },

  'destroying from within data lets nothing but closed follow': async (world) => {
    const { near, far } = await world.connected()
    far.onData = () => {
      far.destroy()
    }
    for (let i = 0; i < 50; i++) near.write(pattern(20_000, i * 20_000))
    near.end()
    await far.sawClose('aborted')
    same(far.log.join(), 'data,closed', 'events')
    near.destroy()
    await near.sawClose()
  },

  'destroying a saturated link closes it at once': async (world) => {
    const { near, far } = await world.connect()
    near.open()
    saturate(near)
    near.destroy()
    await near.sawClose('aborted')
    same(near.drains, 0, 'calls of drained')
    far.destroy()
  },

  'what is written after destroy is dropped': async (world) => {
    const { near, far } = await world.connected()
    near.destroy()
    check(near.write(pattern(5_000_000)), 'a write that is dropped returned false, and nothing will drain')
    near.end()
    await near.sawClose('aborted')
    await goneFor(far)
    same(far.bytes, 0, 'bytes received')
  },

  'a link may be destroyed before it is opened': async (world) => {
    const { near, far } = await world.connect()
    near.open()
    far.destroy()
    await goneFor(near)
    far.open()
    await far.sawClose('aborted')
    same(far.log.join(), 'closed', 'events')
  },

  'a link that died before it was opened says so once it is': async (world) => {
    const { near, far } = await world.connect()
    near.destroy()
    await world.settled()
    far.open()
    await goneFor(far)
  },

  'a link that nobody opens does no harm when the other side goes': async (world) => {
    const { near } = await world.connect()
    near.write(pattern(100))
    near.destroy()
    await world.settled()
  },

  'calls on a closed link do nothing': async (world) => {
    const { near, far } = await world.connected()
    await endInTurn(near, far)
    check(near.write(pattern(5_000_000)), 'a write that is dropped returned false, and nothing will drain')
    near.end()
    near.destroy()
    far.destroy()
    check(far.write(pattern(1)), 'a write that is dropped returned false, and nothing will drain')
  },
}

async function endInTurn(first: Probe, second: Probe): Promise<void> {
  first.write(pattern(100))
  first.end()
  await second.sawEnd()
  second.write(pattern(200))
  second.end()
  await Promise.all([first.sawClose('closed'), second.sawClose('closed')])
  same(first.log.join(), 'data,ended,closed', 'events of the first to end')
  same(second.log.join(), 'data,ended,closed', 'events of the second to end')
  same(first.bytes, 200, 'bytes received by the first to end')
  same(second.bytes, 100, 'bytes received by the second to end')
}

/** On some networks a destroyed link looks like one that was ended, until the owner ends it, too. */
async function goneFor(probe: Probe): Promise<void> {
  await probe.gone()
  probe.end()
  await probe.sawClose()
  check(probe.reason?.code !== 'aborted', 'closed as aborted although its owner had not destroyed it')
}
