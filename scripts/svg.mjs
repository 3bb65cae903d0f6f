/** What charts are drawn with, by hand: they bring their own background, so that they read the same on a light page and a dark one. */

export const PAPER = '#ffffff'
export const EDGE = '#d0d7de'
export const INK = '#1f2328'
export const FAINT = '#59636e'
export const GRID = '#e6eaef'
export const OURS_INK = '#0a7d4f'

/**
 * A line of text.
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {{ size?: number, weight?: number, fill?: string, anchor?: string }} [style]
 */
export function text(x, y, words, { size, weight, fill = INK, anchor } = {}) {
  const attributes = [
    ['x', round(x)],
    ['y', round(y)],
    ['font-size', size],
    ['font-weight', weight],
    ['text-anchor', anchor],
    ['fill', fill],
  ].filter(([, value]) => value !== undefined)
  return `<text ${attributes.map(([name, value]) => `${name}="${value}"`).join(' ')}>${escaped(words)}</text>`
}

export const round = (/** @type {number} */ value) => Number(value.toFixed(1))
export const escaped = (/** @type {string} */ words) =>
  words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
