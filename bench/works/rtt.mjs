/** 100 bytes there and back, one message in flight. */
const SIZE = 100

export async function rtt(/** @type {import('../lab.mjs').Lab} */ lab) {
  const { json } = lab.system
  const echo = await lab.begin('echo')
  const ping = await lab.begin('ping', { listens: false })
  await echo.end.ask('play', { part: 'echo' })
  await ping.end.ask('play', { part: 'ping', json, size: SIZE })
  await lab.link([ping], echo)
  await ping.end.ask('start')
  await lab.warm([ping.end, echo.end])
  await ping.end.ask('reset')
  const [there, back] = await lab.watch([ping.end, echo.end])
  await ping.end.ask('stop')
  const { p50Us, p99Us, count } = await ping.end.ask('tell')
  return { p50Us, p99Us, cpuUs: ((there.cpuMs + back.cpuMs) * 1_000) / there.did, complete: count > 0 }
}
