/** Messages: splits, deaths, black holes and frozen processes, and what is missing once the host has asked for what it missed. */
import { direct, message } from 'holdfast'
import { swarmLab } from 'holdfast/testing'
import { halves, pairsOf, range, untilLinked } from './lab.mjs'

/** A host in fifteen lines: keeps what it accepts, and asks whoever is back for what it may have missed. */
function host(swarm, index, world) {
  const Tx = message('tx')
  const Ask = direct('ask')
  const Have = direct('have')
  const kept = new Map()
  world.kept[index] = kept
  const keep = (tx) => {
    if (kept.has(tx.id)) return false
    kept.set(tx.id, tx)
    return true
  }
  swarm.handle(Tx, (tx) => {
    keep(tx)
    return 'accept'
  })
  swarm.handle(Ask, (_, { peer }) => {
    const all = [...kept.values()]
    for (let at = 0; at < all.length; at += 500) peer.send(Have, all.slice(at, at + 500))
  })
  swarm.handle(Have, (txs) => {
    // What was missing here may be missing behind us, too.
    for (const tx of txs) if (keep(tx)) swarm.broadcast(Tx, tx)
  })
  const ask = (id) => {
    const peer = swarm.peer(id)
    if (peer?.connected) peer.send(Ask, 0)
  }
  swarm.on('recovered', ({ peerId }) => ask(peerId))
  swarm.on('peer:connect', (peer) => ask(peer.id))
  world.send[index] = (tx) => {
    keep(tx)
    swarm.broadcast(Tx, tx)
  }
}

export const loss = {
  name: 'loss',
  about: 'no transaction is missing at a living node once it has resynchronised',
  nodes: 20,
  cases: [{ seeds: 20 }],
  run({ seed, nodes, healing }) {
    const world = { kept: [], send: [] }
    const prepare = (swarm, index) => host(swarm, index, world)
    const lab = swarmLab({ seed, masternodes: nodes, swarm: { healing }, prepare })
    const pairs = pairsOf(nodes)
    untilLinked(lab, pairs, 60_000)
    let sent = 0
    const speak = (ms) => {
      for (let passed = 0; passed < ms; passed += 100) {
        const node = lab.random.below(nodes)
        // A process that has just been started listens an instant later.
        const running = lab.isRunning(node) && lab.swarm(node).status().state === 'running'
        if (running) world.send[node]({ id: `${node}-${sent++}` })
        lab.run(100)
      }
    }
    speak(5_000)
    lab.split(...halves(lab, range(nodes)))
    speak(45_000)
    lab.heal()
    speak(10_000)
    for (const [i, j] of lab.random.shuffled(pairs).slice(0, 10)) lab.silence(i, j)
    speak(40_000)
    lab.freeze(lab.random.below(nodes), 25_000)
    speak(40_000)
    const victim = lab.random.below(nodes)
    lab.kill(victim, { silent: true })
    speak(30_000)
    lab.start(victim)
    speak(10_000)
    for (const [i, j] of lab.random.shuffled(pairs).slice(0, 20)) lab.reset(i, j)
    speak(5_000)
    untilLinked(lab, pairs, 300_000)
    lab.run(30_000)
    // What only the dead process had sent or heard died with it; all that anybody alive has, everybody must have.
    const all = new Set(world.kept.flatMap((kept) => [...kept.keys()]))
    const lost = world.kept.reduce((sum, kept) => sum + [...all].filter((id) => !kept.has(id)).length, 0)
    return { lost, transactions: all.size, events: lab.events, trace: lab.trace }
  },
  summarize(samples) {
    const lost = samples.reduce((sum, sample) => sum + sample.lost, 0)
    const transactions = samples.reduce((sum, sample) => sum + sample.transactions, 0)
    return { lost, transactions, pass: lost === 0 && transactions > 0 }
  },
}
