/** What the victim and honest nodes say to each other; attackers know the names. All payloads are JSON. */
import { direct, message, request } from 'holdfast'

/** Asked of one peer: answers with what it was given. */
export const ECHO = /** @type {import('holdfast').RequestDefinition<any, any>} */ (request('echo'))
/** Flooded. `{ bad: true }` is rejected by the victim's handler, everything else accepted. */
export const TX = /** @type {import('holdfast').MessageDefinition<any>} */ (message('tx'))
/** Sent to one peer. The victim counts them. */
export const NOTE = /** @type {import('holdfast').DirectDefinition<any>} */ (direct('note'))
