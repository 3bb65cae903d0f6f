/** Milliseconds on the machine's monotonic clock, which all its processes share; `performance.now` begins anew in each. */

const ORIGIN_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

export const commonMs = () => ORIGIN_MS + performance.now()
