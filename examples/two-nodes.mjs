/**
 * Two nodes that find each other, gossip and ask.
 *
 *   node two-nodes.mjs               both nodes in this one process
 *   node two-nodes.mjs listen        one node; prints the address that the other terminal needs
 *   node two-nodes.mjs <address>     the other node
 */
import { createIdentity, message, request, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'

const Greeting = message('greeting')
const Square = request('square')

/** A node that answers questions and prints what it hears. */
function createNode(name, options = {}) {
  const swarm = new Swarm({ network: 'DEMO', identity: createIdentity(), transports: [tcp()], ...options })
  swarm.handle(Greeting, ({ from, text }) => {
    console.log(`${name} heard from ${from}: ${text}`)
    return 'accept'
  })
  swarm.respond(Square, (n) => n * n)
  swarm.on('peer:connect', (peer) => console.log(`${name} connected (${peer.direction}, ${peer.class})`))
  swarm.on('peer:disconnect', (peer, { code }) => console.log(`${name} disconnected: ${code}`))
  swarm.on('error', (error) => console.error(`${name} failed:`, error))
  return swarm
}

/** Dials the address, greets, asks one question, and leaves. */
async function visit(name, address) {
  const swarm = createNode(name)
  await swarm.start()
  const peer = await swarm.dial(address)
  swarm.broadcast(Greeting, { from: name, text: 'hello, swarm' })
  console.log(`${name} asked for the square of 12: ${await peer.request(Square, 12)}`)
  await swarm.stop()
}

const [what] = process.argv.slice(2)
if (what === undefined) {
  const anna = createNode('anna', { listen: ['tcp://127.0.0.1:0'] })
  await anna.start()
  const gone = anna.once('peer:disconnect')
  await visit('ben', anna.addresses[0])
  await gone
  await anna.stop()
  console.log('both stopped')
} else if (what === 'listen') {
  const anna = createNode('anna', { listen: ['tcp://127.0.0.1:0'] })
  await anna.start()
  console.log(`in another terminal: node two-nodes.mjs ${anna.addresses[0]}`)
  process.once('SIGINT', () => anna.stop())
} else await visit('ben', what)
