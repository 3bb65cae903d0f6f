/** Somebody nobody knows: dials every node and sends transfers with altered signatures until each has banned it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createIdentity, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'
import { webSocket } from 'holdfast/websocket'
import { obey, tell } from './child.mjs'
import { openLog } from './evidence.mjs'
import { TRANSFER, transferId, Wallet } from './transfer.mjs'

/** Five to each of at least four nodes: twenty in all, and more than any of them forgives. */
const FORGERIES = 5
const DIAL_MS = 8_000
const BAN_MS = 3_000
const RETRY_MS = 300

const wallet = new Wallet()

/**
 * @param {Swarm} swarm
 * @param {{ name: string, id: any, address: string }} target
 * @param {(line: string) => void} log
 */
async function attack(swarm, target, log) {
  for (let banned = false; !banned; banned ||= await attempt(swarm, target, log)) await sleep(RETRY_MS)
  tell({ kind: 'banned', by: target.name })
}

/**
 * @param {Swarm} swarm
 * @param {{ id: any, address: string }} target
 * @param {(line: string) => void} log
 * @returns {Promise<boolean>} whether the node has banned us
 */
async function attempt(swarm, { id, address }, log) {
  try {
    await swarm.dial(address, { signal: AbortSignal.timeout(DIAL_MS) })
    const ended = endOf(swarm, id)
    for (let i = 0; i < FORGERIES; i++) {
      const forged = wallet.nextForged()
      log(`sent ${transferId(forged)}`)
      tell({ kind: 'sent', id: transferId(forged) })
      swarm.broadcast(TRANSFER, forged, { to: [id] })
    }
    return (await Promise.race([ended, sleep(BAN_MS, 'none')])) === 'banned'
  } catch (error) {
    return /** @type {{ code?: string }} */ (error).code === 'banned'
  }
}

/**
 * @param {Swarm} swarm
 * @param {string} id
 * @returns {Promise<string>} why the link ended
 */
function endOf(swarm, id) {
  return new Promise((resolve) => {
    swarm.on('peer:disconnect', (peer, reason) => {
      if (peer.id === id) resolve(reason.code)
    })
  })
}

obey({
  go: async ({ seed, targets, directory }) => {
    const log = openLog(directory, 'stranger', 1)
    const identity = createIdentity(Buffer.from(seed, 'hex'))
    const swarm = new Swarm({ network: 'LIVE', identity, transports: [tcp(), webSocket()], perIpLimits: false })
    await swarm.start()
    await Promise.all(targets.map((/** @type {any} */ target) => attack(swarm, target, log)))
  },
  stop: () => process.exit(0),
})
