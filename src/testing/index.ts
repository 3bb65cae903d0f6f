/**
 * What a host needs to test its own parts against holdfast's promises: the contract every transport must keep.
 *
 * @module
 */
export type { ContractCase, ContractHarness } from './transport-contract.js'
export { transportContract } from './transport-contract.js'
