/**
 * Messages of one's own: a schema, an application id, a codec, all three kinds, and what becomes of a peer that does not
 * keep to them. Three honest nodes in a line and one liar, in one process, over the memory transport.
 */
import { createIdentity, direct, HoldfastError, message, request, Swarm } from 'holdfast'
import { MemoryNetwork, memory } from 'holdfast/memory'
import { z } from 'zod'

const TxShape = z.object({
  hash: z.string().regex(/^[0-9a-f]{8}$/),
  from: z.string(),
  amount: z.bigint().positive(),
})

// Gossiped. What does not fit the schema never reaches a handler; two payloads of one hash are never both accepted.
const Tx = message('tx', { schema: TxShape, id: (tx) => tx.hash })

// Sent to one peer, ahead of everything else, in four bytes instead of JSON.
const Height = direct('height', {
  priority: 'urgent',
  codec: {
    encode(height) {
      const bytes = new Uint8Array(4)
      new DataView(bytes.buffer).setUint32(0, height)
      return bytes
    },
    decode(bytes) {
      if (bytes.length !== 4) throw new RangeError('a height has four bytes')
      return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    },
  },
})

// Asked of one peer; the question and the answer are both checked.
const Balance = request('balance', { schema: z.string().min(1), answerSchema: z.bigint(), maxBytes: 1024 })

const network = new MemoryNetwork()

function createNode(name) {
  const swarm = new Swarm({
    network: 'DEMO',
    identity: createIdentity(),
    transports: [memory(network)],
    listen: [`memory://${name}:1`],
    // Every link in memory comes from one IP, and a ban would cover it: here each peer answers for itself alone.
    perIpLimits: false,
  })
  swarm.on('error', (error) => console.error(`${name}:`, error))
  return swarm
}

/** A node with a ledger, which judges transactions. */
function createLedgerNode(name) {
  const ledger = new Map([['alice', 100n]])
  const swarm = createNode(name)
  swarm.handle(Tx, (tx) => {
    const balance = ledger.get(tx.from)
    // Unknown senders may be known to others: no verdict on the peer. Overdrawing is a lie.
    if (balance === undefined) return 'ignore'
    if (balance < tx.amount) return 'reject'
    ledger.set(tx.from, balance - tx.amount)
    console.log(`${name} accepted ${tx.hash}: ${tx.amount} of ${tx.from}`)
    return 'accept'
  })
  swarm.handle(Height, (height) => console.log(`${name} was told height ${height}`))
  swarm.respond(Balance, (account) => ledger.get(account) ?? 0n)
  return swarm
}

const [a, b, c] = ['a', 'b', 'c'].map(createLedgerNode)
const liar = createNode('liar')
const nodes = [a, b, c, liar]
for (const swarm of nodes) await swarm.start()

// A line: a and c meet only through b.
const bFromA = await a.dial(b.addresses[0])
const bFromC = await c.dial(b.addresses[0])

a.broadcast(Tx, { hash: '00000001', from: 'alice', amount: 30n })
bFromA.send(Height, 7)
// What has one priority arrives in the order it was sent: b has judged the transaction before it answers.
console.log(`b says: ${await bFromA.request(Balance, 'alice')} left`)
// The same holds for c, which has what b relayed.
console.log(`b says to c: ${await bFromC.request(Balance, 'alice')} left`)

// The same name without the schema: what an implementation with a bug, or with intent, would send.
const AnyTx = message('tx')
const bFromLiar = await liar.dial(b.addresses[0])
const banned = liar.once('peer:disconnect')
liar.broadcast(AnyTx, { hash: '00000002', from: 'alice', amount: 5 })
liar.broadcast(AnyTx, { hash: 'not a hash', from: 'alice', amount: 5n })
liar.broadcast(AnyTx, { hash: '00000003', from: 'alice', amount: 9_999n })
const [, reason] = await banned
console.log(`the liar was told: ${reason.code}, and the fault is ${reason.fault}`)
console.log(`b counted: ${JSON.stringify(b.status().strikes)}`)

try {
  await bFromLiar.request(Balance, 'alice')
} catch (error) {
  if (!(error instanceof HoldfastError)) throw error
  console.log(`the liar asks in vain: ${error.code}`)
}

for (const swarm of nodes) await swarm.stop()
