/** Thirty-two nodes dial one, are connected, close, and dial again: how many links it sees authenticated in a second. */
import { LONGER } from '../lab.mjs'

const SLOTS = 32

export async function dial(/** @type {import('../lab.mjs').Lab} */ lab) {
  const hub = await lab.begin('hub')
  const dialler = await lab.begin('dialler', { count: SLOTS, listens: false })
  const [address] = hub.addresses
  await hub.end.ask('play', { part: 'accepting' })
  await dialler.end.ask('play', { part: 'dialling', address })
  if (lab.system.lists) {
    await hub.end.ask('connect', { addresses: dialler.addresses })
    await dialler.end.ask('connect', { addresses: hub.addresses })
  }
  await dialler.end.ask('start')
  await lab.warm([dialler.end, hub.end], LONGER)
  const [there, here] = await lab.watch([dialler.end, hub.end], LONGER * lab.times.measureMs)
  await dialler.end.ask('stop')
  const { failed, why } = await dialler.end.ask('tell')
  return {
    dialsPerSec: here.did / here.seconds,
    cpuMsPerDial: (there.cpuMs + here.cpuMs) / here.did,
    hubCpuMsPerDial: here.cpuMs / here.did,
    failed,
    ...(failed > 0 ? { why } : {}),
    complete: failed === 0 && here.did > 0,
  }
}
