import type { Figures } from './compare-figures.mjs'

/** The figures as an SVG document. */
export declare function drawChart(report: Figures & { readonly nodes: number }): string
