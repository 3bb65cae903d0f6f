/** The same slow loris before the WebSocket upgrade, where it is the transport that holds whoever has not asked for anything yet. */
import { JOINERS, siege } from '../siege.mjs'

export const about = 'the slow loris over WebSocket: half-open connections that never ask for the upgrade'

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const { joinMs, rate, halfOpenMax } = await siege(lab, 'before the upgrade', {}, 'ws')
  const joined = joinMs.filter((ms) => ms !== null)
  const failed = JOINERS - joined.length
  return [
    {
      name: 'web.joinsFailed',
      figure: failed,
      unit: `of ${JOINERS}`,
      bound: 0,
      held: `${rate} connections/s, ${halfOpenMax} at once; 2,048 may wait for their upgrade`,
    },
    { name: 'web.joinMsMax', figure: failed > 0 ? null : Math.max(...joined), unit: 'ms', bound: 2_000 },
    { name: 'web.crashes', figure: lab.crashes, unit: 'processes', bound: 0 },
  ]
}
