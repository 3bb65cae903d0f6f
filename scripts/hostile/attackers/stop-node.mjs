/**
 * The node that is told to stop. Nothing keeps its process alive but the node itself and the talk with the lab, which ends when it
 * has answered `stop`: whether the process is gone soon after is the node's doing.
 *
 * `begin` ({ seed, host, port, network, masternodes }) · `peers` → how many · `stuff` ({ ids, bytes }) → broadcasts so much to those
 * alone · `buffered` → what waits for each id · `stop` → ms that it took
 */
import { createIdentity, message, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'
import { obey } from '../child.mjs'

const BLOCK_BYTES = 30_000
const TX = message('tx')

let swarm = /** @type {Swarm | null} */ (null)

/** @param {any} order */
async function begin({ seed, host, port, ...rest }) {
  swarm = new Swarm({
    identity: createIdentity(Buffer.from(seed, 'hex')),
    transports: [tcp()],
    listen: [`tcp://${host}:${port}`],
    // The hung are to have whole messages waiting for them, not the announcement of some.
    propagation: 'flood',
    // Its sessions are counted as regular ones: a stranger's share of the slots is too small for a full house.
    authorize: ({ peerId }) => {
      const listed = rest.masternodes.some((/** @type {string} */ address) => address.includes(`//${peerId}@`))
      return listed ? 'masternode' : 'regular'
    },
    ...rest,
  })
  await swarm.start()
}

/** @param {{ ids: import('holdfast').PeerId[], bytes: number }} order */
function stuff({ ids, bytes }) {
  for (let sent = 0; sent < bytes; sent += BLOCK_BYTES) {
    const block = Buffer.alloc(BLOCK_BYTES)
    block.writeUInt32BE(sent)
    swarm?.broadcast(TX, block, { to: ids })
  }
}

async function stop() {
  const since = performance.now()
  await swarm?.stop()
  const ms = performance.now() - since
  // From here on the talk with the lab holds nobody back.
  setImmediate(() => process.channel?.unref())
  return ms
}

obey({
  begin,
  stuff,
  stop,
  peers: () => swarm?.peers.size,
  buffered: () => swarm?.status().peers.filter(({ bufferedBytes }) => bufferedBytes > 0).length,
})
