/** Every gate, by name. */
import { compare } from './compare.mjs'
import { huge, large } from './gate-crowd.mjs'
import { heal } from './gate-heal.mjs'
import { replace, restart, undialable } from './gate-links.mjs'
import { loss } from './gate-loss.mjs'
import { propagation } from './gate-propagation.mjs'

export const GATES = { heal, replace, undialable, large, huge, restart, loss, propagation, compare }
