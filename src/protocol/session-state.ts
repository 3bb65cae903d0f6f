/**
 * Where a session stands, and every step it can take. What is not in the table cannot happen: {@link step} throws, since a
 * missing entry is a mistake of ours and never the peer's doing. Both roles go the same way.
 */

export type SessionState =
  /** Waiting for the other side's preamble. */
  | 'preamble'
  /** Exchanging Noise messages. */
  | 'keys'
  /** The peer's identity is proven; the owner has not yet said whether it may come in. */
  | 'deciding'
  /** Admitted; the peer has not yet said hello. */
  | 'hello'
  | 'established'
  /** We have said goodbye, and still take what the peer had written before it heard. */
  | 'leaving'
  /** Nothing more is read or sent. */
  | 'over'

export type SessionStep = 'introduced' | 'proven' | 'admitted' | 'greeted' | 'left' | 'ended'

const TABLE: Readonly<Record<SessionState, Partial<Readonly<Record<SessionStep, SessionState>>>>> = {
  preamble: { introduced: 'keys', ended: 'over' },
  keys: { proven: 'deciding', ended: 'over' },
  deciding: { admitted: 'hello', ended: 'over' },
  hello: { greeted: 'established', ended: 'over' },
  established: { left: 'leaving', ended: 'over' },
  leaving: { ended: 'over' },
  over: { ended: 'over' },
}

export function step(state: SessionState, taken: SessionStep): SessionState {
  const next = TABLE[state][taken]
  if (next === undefined) throw new Error(`a session that is ${state} cannot be ${taken}`)
  return next
}
