/** One sender, one receiver, one link, as many messages as the system's own backpressure lets through. */
import { until } from '../lab.mjs'

const RING = 1_024
const RING_LARGE = 64

/** @param {number} size bytes of a payload */
export const link = (size) => async (/** @type {import('../lab.mjs').Lab} */ lab) => {
  const { json } = lab.system
  const receiver = await lab.begin('receiver')
  const sender = await lab.begin('sender', { listens: false })
  const round = size > 4_096 ? RING_LARGE : RING
  await receiver.end.ask('play', { part: 'receiver', json, size, round })
  await sender.end.ask('play', { part: 'sender', json, size })
  await lab.link([sender], receiver)
  await sender.end.ask('start')
  await lab.warm([sender.end, receiver.end])
  const [out, into] = await lab.watch([sender.end, receiver.end])
  await sender.end.ask('stop')
  const { sent } = await sender.end.ask('tell')
  const complete = await until(async () => (await receiver.end.ask('tell')).received >= sent)
  const { received, wrong } = await receiver.end.ask('tell')
  const rate = into.did / into.seconds
  const sendCpuUs = (out.cpuMs * 1_000) / out.did
  const receiveCpuUs = (into.cpuMs * 1_000) / into.did
  return {
    msgsPerSec: rate,
    mbPerSec: (rate * size) / 1e6,
    sendCpuUs,
    receiveCpuUs,
    // A microsecond for each is a second for a million.
    cpuSecPerMillion: sendCpuUs + receiveCpuUs,
    complete: complete && received === sent && wrong === 0,
  }
}
