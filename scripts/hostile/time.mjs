/** Time that every process of the lab agrees on. */

/** Milliseconds on the machine's own clock: the same in all processes. */
export const now = () => Number(process.hrtime.bigint()) / 1e6
