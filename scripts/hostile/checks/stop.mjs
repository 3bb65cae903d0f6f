/**
 * A node that is told to stop has stopped within a second, however many of its peers hang, and holds its process no longer.
 */
import { member, NETWORK, VICTIM_HOST, VICTIM_PORT } from '../lab.mjs'

export const about = 'stop() with 125 peers, half of them hung'

/** Who reads, who never reads, and whose process is stopped. Together with 75 regular slots that is a full house. */
const READING = 62
const DEAF = 31
const STOPPED = 32
/** Of the deaf, so many have more waiting for them than the kernel takes. */
const STUFFED = 8
const STUFFING_BYTES = 9 * 1024 * 1024
const EXIT_MS = 2_000

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const target = { host: VICTIM_HOST, port: VICTIM_PORT }
  const everybody = Array.from({ length: READING + DEAF + STOPPED }, (_, i) => {
    return { ...member(), host: `10.70.${i % 25}.${i + 1}`, reads: i < READING }
  })
  // Half of the masternodes read, half are deaf or stopped. All who are stuffed are among them: a regular one would be closed.
  const masternodes = [...everybody.slice(READING - 25, READING + 15), ...everybody.slice(-10)]
  const node = await lab.start('attackers/stop-node.mjs')
  const addresses = masternodes.map(({ id, host }) => `tcp://${id}@${host}:9`)
  await node.ask('begin', { seed: member().seed, ...target, network: NETWORK, masternodes: addresses })
  const groups = [everybody.slice(0, READING), everybody.slice(READING, READING + DEAF), everybody.slice(-STOPPED)]
  const [reading, , stopped] = await Promise.all(
    groups.map(async (members) => {
      const process = await lab.start('attackers/stop.mjs')
      await process.ask('join', { target, network: NETWORK, members })
      return process
    }),
  )
  const peers = await node.ask('peers')
  stopped?.signal('SIGSTOP')
  const ids = everybody.slice(READING, READING + STUFFED).map(({ id }) => id)
  await node.ask('stuff', { ids, bytes: STUFFING_BYTES })
  await lab.sleep(500)
  const stuck = await node.ask('buffered')
  const ms = await node.ask('stop')
  const at = performance.now()
  const unaided = await Promise.race([node.gone, lab.sleep(EXIT_MS)])
  const exitMs = performance.now() - at
  const told = await reading?.ask('told')
  stopped?.signal('SIGCONT')
  lab.say(`stop: ${peers} peers, ${stuck} with bytes waiting, the readers heard ${JSON.stringify(told)}`)
  const held = `${peers} of 125 peers, ${DEAF + STOPPED} hung, ${stuck} of them with full sockets`
  return [
    { name: 'stop.missing', figure: everybody.length - peers, unit: 'peers', bound: 0, held },
    {
      name: 'stop.unstuffed',
      figure: STUFFED - stuck,
      unit: 'peers',
      bound: 0,
      held: 'with bytes waiting when it is told to stop',
    },
    { name: 'stop.ms', figure: ms, unit: 'ms', bound: 1_000, held: 'links get 500 ms' },
    { name: 'stop.stays', figure: unaided?.how === 'exit code 0' ? 0 : 1, unit: 'times', bound: 0 },
    { name: 'stop.exitMs', figure: exitMs, unit: 'ms', bound: 1_000 },
    { name: 'stop.untold', figure: READING - (told?.shutdown ?? 0), unit: 'peers', bound: 0 },
  ]
}
